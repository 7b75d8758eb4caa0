"""A world of people, segments and a clock, in which random things happen; and who has to be in which segment by then.

What is expected is worked out from what look-ups answer, by conditions written in Python: nothing of the rule language, of
marks or of due moments is used for it.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
from tests import workbench

from onefold.audiences.definition import Definition
from onefold.model import Identifier, format_profile_id
from onefold.pipelines import judgements
from onefold.pipelines.audiences import applying, lists
from onefold.pipelines.audiences.evaluator import Evaluator
from onefold.pipelines.reading.profiles import profile
from onefold.pipelines.stream import process
from onefold.ports import ProfileStore

DAY_US = 86_400_000_000
USERS = tuple(f"u{n}" for n in range(5))
EMAILS = tuple(f"p{n}@mail.example" for n in range(4))
COOKIES = tuple(f"cookie-{n}" for n in range(3))
STAGES = (
    ("known", "has_email"),
    ("customer", "purchases >= 1"),
    ("churned", "purchases >= 1 and days_since(last_active) > 20"),
)

SEGMENTS = (
    Definition(slug="buyers", rule="purchases >= 1"),
    Definition(slug="lapsed", rule="purchases >= 1 and days_since(last_active) > 7"),
    Definition(slug="between", rule="days_since(last_active) between 3 and 5"),
    Definition(slug="reachable", rule="consent.email"),
    Definition(slug="usa", rule={"logic": "and", "conditions": [
        {"field": "profile_data.country", "operator": "in", "value": ["US"]}]}),
    Definition(slug="vip", kind="static"),
    Definition(slug="no_contact", kind="static"),
    Definition(slug="target", rule="in_segment.lapsed and (in_segment.reachable or in_segment.vip)", exclude=("no_contact",)),
    Definition(slug="churned_usa", rule="lifecycle_stage = 'churned' and in_segment.usa"),
)  # fmt: skip


class World:
    """A workspace with a clock of its own."""

    def __init__(self, store: ProfileStore | None = None) -> None:
        self.now_us = workbench.NOW_US - workbench.NOW_US % DAY_US
        self.context = replace(workbench.context(store=store), clock_us=lambda: self.now_us)
        self.evaluator = Evaluator(self.context)
        self.listed: dict[str, set[Identifier]] = {"vip": set(), "no_contact": set()}
        self._sent = 0
        self.applied = False

    def apply(self, segments=SEGMENTS, stages=STAGES):
        self.applied = True
        return applying.apply(self.context, segments, stages)

    def happen(self, names: dict[str, str], event: str, *, country: str | None = None, ago_us: int = 0) -> None:
        self._sent += 1
        traits = {key: value for key, value in {"email": names.get("email"), "country": country}.items() if value}
        at = datetime.fromtimestamp((self.now_us - ago_us) / 1_000_000, UTC)
        body: dict[str, Any] = {
            "type": "track", "event": event, "messageId": f"m{self._sent}", "timestamp": at.isoformat(),
            "properties": {"revenue": 10} if event == "Order Completed" else {},
            "context": {"traits": traits, "consent": {"categoryPreferences": {"email": event == "Agreed"}}
                        if event in {"Agreed", "Refused"} else {}},
        } | {key: names[key] for key in ("userId", "anonymousId") if key in names}  # fmt: skip
        entry = workbench.entry(body, index=self._sent, received_at_us=self.now_us)
        self.context.log.append([entry])

    def judge(self, verdict: str, user: str, email: str) -> None:
        pair = None if verdict in {"shared", "not_shared"} else Identifier("user_id", user)
        judgements.say(self.context, verdict, Identifier("email", email), pair, by="test")

    def upload(self, slug: str, identifiers: list[Identifier], *, remove: bool = False) -> None:
        lists.change(self.context, slug, identifiers, remove=remove)
        if remove:
            self.listed[slug].difference_update(identifiers)
        else:
            self.listed[slug].update(identifiers)

    def process(self) -> None:
        process.drain(self.context)

    def settle(self) -> None:
        """Process all, and let the evaluator do what there is to do."""
        self.process()
        self.evaluator.drain()

    def memberships(self) -> set[tuple[str, str]]:
        """Who is in what: (audience, profile id)."""
        with self.context.store.snapshot() as snapshot:
            found = set()
            for name in snapshot.audience_sizes():
                after = b""
                while page := snapshot.audience(name, after=after, limit=3):
                    found |= {(name, format_profile_id(m.person)) for m in page}
                    after = page[-1].person
        return found

    def expected(self, segments=SEGMENTS) -> set[tuple[str, str]]:
        with self.context.store.snapshot() as snapshot:
            people = snapshot.people(after=b"", limit=1_000)
        found = set()
        for person in people:
            shown = profile(self.context, Identifier("profile", format_profile_id(person)))
            assert shown is not None
            assert shown.id == format_profile_id(person)
            found |= {(name, shown.id) for name in self._expected(shown)}
        slugs = {definition.slug for definition in segments if definition.status == "active"}
        return {one for one in found if one[0] in slugs or one[0].startswith("stage.")}

    def _expected(self, shown) -> set[str]:
        days = None
        if shown.last_active is not None:
            at = datetime.fromisoformat(shown.last_active)
            days = self.now_us // DAY_US - int(at.timestamp()) // 86_400
        bought = shown.counters.purchases >= 1
        said = shown.consent.get("email") or shown.consent.get("all")
        country = shown.attributes.get("country")
        own = {(i.type, i.value) for i in shown.identifiers}
        found = dict.fromkeys(("buyers", "lapsed", "between", "reachable", "usa", "vip", "no_contact"), False)
        found["buyers"] = bought
        found["lapsed"] = bought and days is not None and days > 7
        found["between"] = days is not None and 3 <= days <= 5
        found["reachable"] = said is not None and said.granted
        found["usa"] = country is not None and country.value == "US"
        for slug, listed in self.listed.items():
            found[slug] = any((one.type, one.value) in own for one in listed)
        found["target"] = found["lapsed"] and (found["reachable"] or found["vip"]) and not found["no_contact"]
        stage = ""
        if "email" in {kind for kind, _ in own} or "email" in shown.attributes:
            stage = "known"
        if bought:
            stage = "churned" if days is not None and days > 20 else "customer"
        found["churned_usa"] = stage == "churned" and found["usa"]
        if stage:
            found[f"stage.{stage}"] = True
        return {name for name, inside in found.items() if inside}

    def told(self) -> set[tuple[str, str]]:
        """Who is in what, by the messages of the outbox alone; fails where one enters twice or leaves without entering."""
        inside: set[tuple[str, str]] = set()
        with self.context.store.snapshot() as snapshot:
            messages = snapshot.outbox(after=0, limit=1_000_000)
        for message in messages:
            kind, _, change = message.topic.partition(".")
            if kind not in {"segment", "stage"}:
                continue
            body = msgspec.json.decode(message.body)
            one = (body["segment"] if kind == "segment" else f"stage.{body['stage']}", body["profile_id"])
            assert (one in inside) == (change == "exited"), f"{message.topic} of {one[0]} comes twice"
            inside ^= {one}
        return inside


def step(world: World, draw: random.Random) -> None:
    """Something happens."""
    what = draw.random()
    if what < 0.6:
        names = {
            key: draw.choice(values)
            for key, values in (("userId", USERS), ("anonymousId", COOKIES), ("email", EMAILS))
            if draw.random() < 0.5
        } or {"anonymousId": draw.choice(COOKIES)}
        event = draw.choice(["Order Completed", "Story Read", "Story Read", "Agreed", "Refused"])
        country = draw.choice([None, None, "US", "FR"])
        world.happen(names, event, country=country, ago_us=draw.choice([0, 0, DAY_US, 9 * DAY_US]))
    elif what < 0.75:
        verdict = draw.choice(["different", "withdrawn", "same", "shared", "not_shared"])
        world.judge(verdict, draw.choice(USERS), draw.choice(EMAILS))
    elif what < 0.9:
        world.now_us += draw.choice([3_600_000_000, DAY_US, 2 * DAY_US, 6 * DAY_US])
    elif world.applied:
        identifier = draw.choice([Identifier("email", draw.choice(EMAILS)), Identifier("user_id", draw.choice(USERS))])
        world.upload(draw.choice(["vip", "no_contact"]), [identifier], remove=draw.random() < 0.3)


def live(world: World, seed: int, steps: int) -> None:
    """Random things happen; after each time that the evaluator has settled, everybody is where they have to be."""
    draw = random.Random(seed)
    begin = draw.randrange(steps // 2)
    for number in range(steps):
        if number == begin:
            world.apply()
        step(world, draw)
        if draw.random() < 0.5:
            world.process()
        if number >= begin and draw.random() < 0.5:
            world.settle()
            expected = world.expected()
            assert world.memberships() == expected, f"after step {number}"
            assert world.told() == expected, f"after step {number}"
