"""Claims: who has which pair on the desk, so that two reviewers are not asked the same at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Lock
from typing import NamedTuple

from onefold.identity.review import Pair

CLAIM_US = 300_000_000
"""How long a claim lasts unless it is renewed or released."""


class Claim(NamedTuple):
    """A claim: by whom, and until when."""

    by: str
    until_us: int


class Claims:
    """The claims on a workspace's pairs, in memory: a restart lets go of all, and a pair may then be asked about twice.

    May be called from any thread.
    """

    def __init__(self, clock_us: Callable[[], int]) -> None:
        self._clock_us = clock_us
        self._lock = Lock()
        self._claims: dict[Pair, Claim] = {}

    def take(self, pairs: Iterable[Pair], by: str, count: int) -> list[Pair]:
        """Claim up to `count` of these pairs, in this order; those that somebody else has are left out."""
        now = self._clock_us()
        taken: list[Pair] = []
        with self._lock:
            self._forget(now)
            for pair in pairs:
                if len(taken) == count:
                    break
                held = self._claims.get(pair)
                if held is None or held.by == by:
                    self._claims[pair] = Claim(by, now + CLAIM_US)
                    taken.append(pair)
        return taken

    def release(self, pairs: Iterable[Pair], by: str) -> int:
        """Let go of claims of one's own; returns how many there were."""
        with self._lock:
            mine = [pair for pair in pairs if pair in self._claims and self._claims[pair].by == by]
            for pair in mine:
                del self._claims[pair]
        return len(mine)

    def held(self) -> dict[Pair, Claim]:
        """The claims that hold now."""
        with self._lock:
            self._forget(self._clock_us())
            return dict(self._claims)

    def _forget(self, now_us: int) -> None:
        for pair in [pair for pair, claim in self._claims.items() if claim.until_us <= now_us]:
            del self._claims[pair]
