"""Consents of a node: what its events, and the events that name it, say; folded like all of a node's state."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from onefold.governance.consent import Register, Statement, later, merged
from onefold.model import Event, NodeId

ABOUT_KEPT = 64
"""Nodes about which a node's events are remembered to speak, a purpose. More is not a person with their addresses."""

About = dict[str, dict[str, Statement]]
"""Purpose, then node in hexadecimal, to the last word about that node."""


def state_words(
    registers: dict[str, Register], about: About, event: Event, authorities: Collection[str], others: Sequence[NodeId]
) -> None:
    """Take in what an event says, in place.

    Args:
        registers: The node's own, by purpose.
        about: What the node's events say about other nodes.
        event: Anchored at the node.
        authorities: Sources that may speak for the whole person.
        others: The other nodes that the event names: what it says of consent, it says about those, too.
    """
    whole = event.source in authorities and _for_whole_person(event.context)
    for said in event.consents:
        statement = Statement(said.granted, event.timestamp_us, event.id, event.source)
        register = Register(whole=statement) if whole else Register(own=statement)
        before = registers.get(said.purpose)
        registers[said.purpose] = register if before is None else merged(before, register)
        for node in others:
            _speak_about(about, said.purpose, node.hex(), statement)


def hear(named: dict[str, Statement], event: Event) -> None:
    """Take in, in place, what an event anchored elsewhere says, naming the node."""
    for said in event.consents:
        statement = Statement(said.granted, event.timestamp_us, event.id, event.source)
        named[said.purpose] = later(named.get(said.purpose), statement) or statement


def united_about(a: Mapping[str, Mapping[str, Statement]], b: Mapping[str, Mapping[str, Statement]]) -> About:
    """What both say about other nodes."""
    found = {purpose: dict(words) for purpose, words in a.items()}
    for purpose, words in b.items():
        for node, said in words.items():
            _speak_about(found, purpose, node, said)
    return found


def united_named(a: Mapping[str, Statement], b: Mapping[str, Statement]) -> dict[str, Statement]:
    """The last words of both."""
    return {p: word for p in a.keys() | b.keys() if (word := later(a.get(p), b.get(p)))}


def _speak_about(about: About, purpose: str, node: str, said: Statement) -> None:
    words = about.setdefault(purpose, {})
    words[node] = later(words.get(node), said) or said
    if len(words) > ABOUT_KEPT:
        # The latest, in any order of arrival: a node's last word only ever rises. One that falls out can lift no denial.
        kept = sorted(words, key=lambda n: (words[n].at_us, words[n].event, n), reverse=True)[:ABOUT_KEPT]
        about[purpose] = {n: words[n] for n in kept}


def _for_whole_person(context: dict[str, Any]) -> bool:
    consent = context.get("consent")
    return isinstance(consent, dict) and consent.get("person_level") is True
