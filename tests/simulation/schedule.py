"""The scheduler: actors that take turns at every call of a port, and what befalls them, all from one seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from greenlet import greenlet

from onefold.errors import UnavailableError

CALM_AFTER = 15_000
"""Steps after which nothing happens any more but what is asked for. Where every call is so slow that no batch can end within
its lease, no promise is broken by starting again; but once the world is calm, everything has to come to an end. Most
schedules take a few hundred steps."""
STEPS_MAX = 30_000


class Crash(BaseException):
    """The process dies here. Not an Exception: nothing may catch it and go on."""


class Mismatch(BaseException):
    """A promise was broken.

    Attributes:
        kind: Which: `partition`, `survivorship`, `counters`, `consent`, `conservation`, `deadlock`, …
    """

    def __init__(self, kind: str, detail: str) -> None:
        self.kind = kind
        super().__init__(f"{kind}: {detail}")


class Actor(greenlet):
    """Something that acts: a worker, the producer, the operator."""

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        super().__init__(run)
        self.name = name
        self.wakes = 0.0
        self.blocked: Callable[[], Any] | None = None
        self.mortal = False


class Schedule:
    """One interleaving. `now` is the monotonic clock; the store's clock is off by `skew`, which jumps."""

    def __init__(self, seed: int, *, traced: bool = False) -> None:
        self.chance = chance = random.Random(f"schedule {seed}")
        self.draw = chance.random
        self.now = 0.0
        self.skew = 0.0
        self.steps = 0
        self.trace: list[str] | None = [] if traced else None
        self.actors: list[Actor] = []
        self.current: Actor = None  # type: ignore[assignment]  # set before anybody acts
        # How the turns change hands: from long runs of one actor to a change at every call.
        self._switching = chance.choice((0.1, 0.3, 0.6, 0.9))
        self._slowness = chance.choice((0.0, 0.02, 0.05, 0.15))
        self._step_seconds = chance.choice((0.002, 0.01, 0.05))
        self._faults = chance.choice((0, 0, 1, 2, 4, 8))
        self._fault_rate = chance.choice((0.01, 0.03, 0.1))

    def add(self, name: str, run: Callable[[], None], *, mortal: bool = False) -> None:
        """An actor more; a mortal one meets faults."""
        actor = Actor(name, run)
        actor.mortal = mortal
        self.actors.append(actor)

    def note(self, text: str) -> None:
        """A line of the trace."""
        if self.trace is not None:
            self.trace.append(f"{self.steps:5d} {self.now:8.2f}s {self.current.name:10s} {text}")

    def pause(self, label: str) -> None:
        """Where turns may change and faults strike: every call of a port.

        Raises:
            Crash: The process ends here.
            UnavailableError: The connection is lost here; the process lives on with what it remembers.
        """
        self.steps += 1
        self.now += self._step_seconds
        if self.steps == CALM_AFTER:
            self.calm()
        if self.trace is not None:
            self.note(label)
        if self._faults and self.current.mortal and self.draw() < self._fault_rate:
            self._faults -= 1
            self._strike()
        if self._slowness and self.draw() < self._slowness:
            # Overtaken by several calls of the others, in the midst of a transaction as likely as not.
            self.sleep(self._step_seconds * self.chance.randint(5, 60))
        elif self.draw() < self._switching:
            self.current.parent.switch()

    def _strike(self) -> None:
        kind = self.chance.choice(("crash", "crash", "disconnect", "stall", "stall", "clock"))
        if kind == "crash":
            self.note("✗ dies")
            raise Crash
        if kind == "disconnect":
            self.note("✗ loses its connection")
            raise UnavailableError("connection lost")
        if kind == "clock":
            self.skew += self.chance.choice((-30.0, -3.0, 3.0, 30.0))
            self.note(f"✗ the store's clock is off by {self.skew:+.0f}s")
            return
        seconds = self.chance.choice((2.0, 12.0, 30.0))
        self.note(f"✗ stands still for {seconds:.0f}s")
        self.sleep(seconds)

    def sleep(self, seconds: float) -> None:
        """Let others act for so long."""
        self.current.wakes = self.now + seconds
        self.current.parent.switch()

    def wait(self, label: str, blocked: Callable[[], Any]) -> None:
        """Let others act until `blocked` says no more."""
        self.note(f"waits: {label}")
        self.current.blocked = blocked
        self.current.parent.switch()

    def calm(self) -> None:
        """From here on nothing happens but what is asked for."""
        self._switching = self._slowness = 0.0
        self._faults = 0

    def run(self) -> None:
        """Let everybody act until all are done.

        Raises:
            Mismatch: Nobody can act any more, or they act for ever.
        """
        alive = list(self.actors)
        choose = self.chance.randrange
        while alive:
            ready = [a for a in alive if a.wakes <= self.now and (a.blocked is None or not a.blocked())]
            if not ready:
                later = [a.wakes for a in alive if a.wakes > self.now]
                if not later:
                    raise Mismatch("deadlock", "nobody can act any more")
                self.now = min(later)
                continue
            actor = ready[choose(len(ready))] if len(ready) > 1 else ready[0]
            actor.blocked = None
            self.current = actor
            actor.switch()
            if actor.dead:
                alive.remove(actor)
            if self.steps > STEPS_MAX:
                raise Mismatch("progress", f"no end after {STEPS_MAX} steps")

    def close(self) -> None:
        """End whoever has not ended."""
        for actor in self.actors:
            if not actor.dead and actor:
                self.current = actor
                actor.mortal = False
                actor.throw()
