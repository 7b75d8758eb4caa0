"""A visit: what a browser's SDK sends while one person, on one device, looks at the station's website."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

import msgspec

from onefold.synthetic import variants
from onefold.synthetic.population import Person, Population


class Call(msgspec.Struct, frozen=True):
    """One call of an SDK: `getattr(client, call.method)(**call.arguments)` with segment-analytics-python.

    Attributes:
        method: The SDK's method.
        arguments: Its keyword arguments; `timestamp` is an aware datetime, `message_id` is unique.
    """

    method: Literal["identify", "track", "page"]
    arguments: dict[str, Any]

    def __repr__(self) -> str:
        """Show the method only."""
        return f"<Call {self.method}>"


class Visits(msgspec.Struct, frozen=True):
    """All calls in order of time, and whose the ids in them are.

    Attributes:
        calls: In order of time.
        truth: (system, identifier type, value, truth id); a device used by several people has no line.
        shared: Cookies of devices that several people use.
    """

    calls: tuple[Call, ...]
    truth: tuple[tuple[str, str, str, str], ...]
    shared: tuple[str, ...]


_SECTIONS = ("news", "music", "podcasts", "events", "give")


def visits(population: Population, *, seed: int, as_of: date) -> Visits:
    """Invent the visits of the 120 days before `as_of`: about 55 % of the people come, half of them have accounts."""
    draw = random.Random(seed)
    calls: list[Call] = []
    truth: list[tuple[str, str, str, str]] = []
    shared: set[str] = set()
    for person in population.people:
        if draw.random() >= 0.55:
            continue
        tablet = population.households[person.household].tablet
        account = f"web-{draw.getrandbits(32):08x}" if person.emails and draw.random() < 0.5 else None
        devices = [f"{draw.getrandbits(64):016x}" for _ in range(draw.choice((1, 1, 1, 2)))]
        truth.extend(("web", "anonymous_id", device, person.id) for device in devices)
        if account:
            truth.append(("web", "user_id", account, person.id))
        if tablet and draw.random() < 0.5:
            shared.add(tablet)
            devices.append(tablet)
        for device in devices:
            for _ in range(draw.choice((1, 1, 2, 3))):
                start = datetime.combine(as_of, time(), UTC) - timedelta(
                    days=draw.random() ** 1.5 * 120 + 0.05, seconds=draw.randrange(60)
                )
                calls.extend(_session(draw, person, account, device, start, len(calls)))
    calls.sort(key=lambda call: (call.arguments["timestamp"], call.arguments["message_id"]))
    return Visits(tuple(calls), tuple(truth), tuple(sorted(shared)))


def _session(
    draw: random.Random, person: Person, account: str | None, device: str, start: datetime, number: int
) -> list[Call]:
    """A few pages; whoever has an account logs in half way, and what follows carries both ids."""
    calls: list[Call] = []
    user: str | None = None
    login = draw.randrange(3) if account and draw.random() < 0.7 else -1
    moment = start

    def call(method: Literal["identify", "track", "page"], **arguments: Any) -> None:
        nonlocal moment
        moment += timedelta(seconds=draw.randrange(4, 90), milliseconds=draw.randrange(1000))
        calls.append(
            Call(
                method,
                {
                    "user_id": user,
                    "anonymous_id": device,
                    "timestamp": moment,
                    "message_id": f"visit-{number + len(calls):08d}-{draw.getrandbits(32):08x}",
                    **arguments,
                },
            )
        )

    for step in range(draw.randrange(1, 6)):
        section = draw.choice(_SECTIONS)
        call("page", category=section, name="Story", properties={"path": f"/{section}/{draw.randrange(400)}"})
        if step == login:
            user = account
            traits = {
                "email": variants.email(draw, person.emails[0]),
                "first_name": person.first_name,
                "last_name": person.last_name,
            }
            call("identify", traits=traits)
        if draw.random() < 0.25:
            call("track", event="Stream Started", properties={"program": draw.choice(("Morning", "Jazz", "Reset"))})
        if user and draw.random() < 0.06:
            order = {"order_id": f"S-{draw.getrandbits(32):08x}", "revenue": draw.choice((18.5, 24.0, 35.0))}
            call("track", event="Order Completed", properties={**order, "currency": "USD"})
    return calls
