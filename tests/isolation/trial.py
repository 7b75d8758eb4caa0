"""The trial: the same probes put to a product in which the neighbour has people, and to its twin in which it has none.

What an attacker is told must be the same, to the byte: then nothing that the neighbour holds can have shown, in whatever
encoding, nor by status, by the shape of a body or by the words of an error. Marks are looked for beside that, because a
product that told everybody everything would tell the twins the same.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
from collections import Counter
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from tests.isolation import probes, tenants
from tests.isolation.asgi import Answer, House, bearer, hurry
from tests.isolation.callers import Attack
from tests.isolation.probes import Probe
from tests.isolation.routes import Place, places
from tests.isolation.tenants import Tenant

from onefold.telemetry import JsonFormatter

FINDINGS_MAX = 20
LOOKS_OF_A_ROUTE = 6
UNLOGGED = (
    *(tenant.seal for tenant in tenants.TENANTS),
    *(tenants.value(kind, number) for kind in tenants.KINDS for number in (0, 1, 2)),
)
"""What stands in no line of a log: neither what is said of people nor what names them."""
Found = TypeVar("Found")


class Finding(msgspec.Struct, frozen=True):
    """Something that must not be."""

    what: str
    probe: str
    detail: str = ""


class Outcome(msgspec.Struct):
    """What a trial found, and how much it tried."""

    probes: int = 0
    findings: list[Finding] = []
    statuses: dict[int, int] = {}

    @property
    def kinds(self) -> set[str]:
        """What sorts of findings there are."""
        return {finding.what for finding in self.findings}


class Lines(logging.Handler):
    """Keeps what the product logs, as it would be written."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.written: list[str] = []
        self.setFormatter(JsonFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.written.append(self.format(record))


class Twins:
    """A product with both tenants in it, and the same with the attacker alone."""

    def __init__(self, both: House, alone: House, attack: Attack, lines: Lines) -> None:
        self.both, self.alone, self.attack, self.lines = both, alone, attack, lines
        self._before = both.state(attack.theirs)

    def places(self) -> list[Place]:
        """The routes of the product as it is now."""
        return places(self.both.app)

    async def neighbour_at_work(self) -> None:
        """The neighbour looks its own people up, so that whatever remembers answers has something to remember."""
        looked: Counter[str] = Counter()
        for probe in probes.looks(self.attack.neighbours, self.places(), by=("reader",)):
            # So many of each route, however many routes there are.
            if (
                probe.kind == "plain"
                and probe.method == probe.place.main
                and looked[probe.place.template] < LOOKS_OF_A_ROUTE
            ):
                looked[probe.place.template] += 1
                for house in (self.both, self.alone):
                    await house.call(probe.method, probe.target, probe.body, probe.headers)

    async def changed(self) -> list[Finding]:
        """What differs, now that all is processed: of theirs from before, of ours from what it is without them."""
        await self.both.settled()
        await self.alone.settled()
        now, mine, alone = (
            self.both.state(self.attack.theirs), self.both.state(self.attack.mine), self.alone.state(self.attack.mine)
        )  # fmt: skip
        found = [Finding("changed", part) for part, was in self._before.items() if now[part] != was]
        # Messages and merges are grouped as the batches happened to fall, which is nobody's secret.
        return found + [Finding("bent", part) for part in mine if part != "outbox" and mine[part] != alone[part]]

    async def judged(self, tried: Iterable[Probe], *, until: str | None = None) -> Outcome:
        """Put probes to both, and say what should not be; stops at a finding of the kind `until`, or at many."""
        outcome = Outcome(findings=[], statuses={})
        for number, probe in enumerate(tried):
            if probe.writes and probe.place.meaning not in {"collect", "pixel"}:
                # Its answer depends on what was processed of the writes before it; the two must have got equally far.
                await self.both.settled()
                await self.alone.settled()
            heads = (*probe.headers, ("x-request-id", f"probe-{number}"))
            told = await self.both.call(probe.method, probe.target, probe.body, heads)
            twin = await self.alone.call(probe.method, probe.target, probe.body, heads)
            outcome.probes += 1
            outcome.statuses[told.status] = outcome.statuses.get(told.status, 0) + 1
            outcome.findings += findings(self.attack, probe, told, twin)
            outcome.findings += self._logged(probe)
            if until in outcome.kinds if until else len(outcome.findings) >= FINDINGS_MAX:
                break
        return outcome

    def _logged(self, probe: Probe) -> Iterator[Finding]:
        """Lines are read by whoever operates the server, of whatever workspace: nobody's marks may stand there."""
        written, self.lines.written = "\n".join(self.lines.written), []
        return (Finding("logged", probe.name, secret) for secret in UNLOGGED if secret in written)


def findings(attack: Attack, probe: Probe, told: Answer, twin: Answer) -> Iterator[Finding]:
    """What is wrong with an answer."""
    if told.status >= 500:
        yield Finding("broke", probe.name, str(told.status))
    if probe.statuses and told.status not in probe.statuses:
        yield Finding("status", probe.name, f"{told.status}, not one of {sorted(probe.statuses)}")
    text = told.text
    for mark in probes.strangers_marks(attack, probe):
        if mark in text:
            yield Finding("read", probe.name, mark)
    if _plain(told) != _plain(twin):
        yield Finding("differs", probe.name, f"{told.status} {told.text[-400:]!r} / {twin.status} {twin.text[-400:]!r}")


def _plain(answer: Answer) -> Any:
    """An answer without what a process counts of itself: all its requests, its own clock, what it has sealed yet."""
    if b'"fresh_at":' in answer.body:
        headers = tuple(header for header in answer.headers if header[0] != "content-length")
        return answer.status, headers, re.sub(rb'"bytes":\d+', b'"bytes":0', answer.body)
    if not answer.body.startswith(b"# HELP onefold_"):
        return answer
    return answer.status, [
        line
        for line in answer.body.splitlines()
        if b'workspace="' in line and b"_created{" not in line and b"_timestamp_seconds{" not in line
    ]


class Ground:
    """A folder in which twins are made; whatever was opened is closed at the end."""

    def __init__(self, folder: Path, lines: Lines) -> None:
        self._folder, self._lines = folder, lines
        self._runner = asyncio.Runner()
        self._opened: list[House] = []
        self._keys = tenants.write_project(folder / "base", 8484)
        self._numbers = itertools.count()

    def run(self, work: Coroutine[Any, Any, Found]) -> Found:
        """Do it on this ground's loop."""
        return self._runner.run(work)

    def furnished(self, mine: Tenant) -> tuple[Path, Path, Attack]:
        """Two directories of one project, one with both tenants and one with the attacker alone; and what it knows."""
        theirs = tenants.other(mine)
        place = self._folder / f"{mine.name}-{next(self._numbers)}"
        alone = tenants.copied(self._folder / "base", place / "alone")
        self.run(_visited(House(alone), mine, self._keys))
        both = tenants.copied(alone, place / "both")
        ids, cursors = self.run(_visited(House(both), theirs, self._keys))
        return both, alone, Attack(mine, self._keys[mine.name], theirs, self._keys[theirs.name], ids, cursors)

    def places(self) -> list[Place]:
        """The routes of the product, asked of one that is not started."""
        house = House(self._folder / "base")
        found = places(house.app)
        house.opened.close()
        return found

    def twins(self, mine: Tenant, *, stores: tuple[str, str] | None = None) -> Twins:
        """Both, served in this process; with `stores`, the addresses of two empty PostgreSQL stores, over those."""
        both, alone, attack = self.furnished(mine)
        pair = [House(place, dsn=stores and stores[at]) for at, place in enumerate((both, alone))]
        self._opened += pair
        for house in pair:
            # As for a server that other machines reach.
            house.app.health.metrics_open = False
            self.run(house.start())
            self.run(house.settled())
        made = Twins(*pair, attack, self._lines)
        self.run(made.neighbour_at_work())
        self._lines.written.clear()
        return made

    def close(self) -> None:
        """Stop all that was started."""
        for house in self._opened:
            self.run(house.stop())
        self._runner.close()


@contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    """A ground that reads along what is logged."""
    lines, root = Lines(), logging.getLogger()
    level = root.level
    root.addHandler(lines)
    root.setLevel(logging.INFO)
    made = Ground(folder, lines)
    with pytest.MonkeyPatch.context() as patch:
        hurry(patch)
        try:
            yield made
        finally:
            made.close()
            root.removeHandler(lines)
            root.setLevel(level)


async def _visited(house: House, tenant: Tenant, keys: dict[str, tenants.Keys]) -> tuple[Any, Any]:
    """Let a tenant's people arrive, and learn the ids and cursors that only this tenant should know."""
    await house.start()
    mine = keys[tenant.name]
    await house.furnish(tenant, mine)
    cursors = []
    for number in (tenants.BOTH, tenant.number):
        who = f"user_id:{tenants.value('user_id', number)}"
        page = await house.call("GET", f"/api/v1/profiles/{who}/timeline?limit=2", headers=bearer(mine.reader))
        cursors.append(page.json["next"])
    known = house.names(tenant), tuple(cursors)
    await house.stop()
    return known
