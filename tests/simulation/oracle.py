"""The oracle: who is who and what is known of them, by definition and brute force, from the set of what was said.

It shares no code with what it judges. Sets are counted anew at every step, and every profile is added up from all of a
person's events; nothing here knows of batches, nodes' states or order of arrival.
"""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

from tests.simulation.world import PROFILES, Fact, Said, World

from onefold.identity.settings import IdentitySettings
from onefold.model import NodeId

People = dict[NodeId, dict[str, Any]]
"""By the node that names the person: what each guarantee is about."""


def people(world: World) -> People:
    """Every person of a world, as they must be once everything was processed, whatever the way there."""
    placed = partition(world.facts, world.said, world.settings)
    found: People = {}
    for person in {place[1] for place in placed.values()}:
        nodes = {node for node, place in placed.items() if place[1] == person}
        mine = [fact for fact in world.facts if fact.named[0].node in nodes]
        found[person] = {
            "partition": {node: placed[node] for node in nodes},
            "identifiers": {node: world.names[node].value for node in nodes},
            "survivorship": survivorship(mine),
            "counters": counters(mine),
            "consent": consent(mine),
        }
    return found


Place = tuple[int, NodeId, NodeId, bool]
"""First sighting, the node that names the person, the node that names the component, shared."""


def partition(facts: tuple[Fact, ...], said: tuple[Said, ...], rules: IdentitySettings) -> dict[NodeId, Place]:  # noqa: C901  a definition is read in one piece
    """Who is who."""
    kind = {name.node: name.type for fact in facts for name in fact.named}
    first = {i: min(f.at_us for f in facts for n in f.named if n.node == i) for i in kind}
    edges: dict[tuple[NodeId, NodeId, str], tuple[int, bytes]] = {}
    for fact in facts:
        anchor, *others = fact.named
        for other in others:
            key, stamp = (other.node, anchor.node, fact.edge), (fact.at_us, fact.event)
            edges[key] = min(stamp, edges.get(key, stamp))

    def subject(j: Said) -> tuple[NodeId, NodeId | None]:
        return j.a, j.b

    # In the order of the log.
    latest = {subject(j): j for j in said}
    stands = [j for j in said if latest[subject(j)] is j]
    judged_shared = {j.a: j.verdict == "shared" for j in stands if j.verdict in {"shared", "not_shared"}}

    def is_shared(i: NodeId) -> bool:
        if i in judged_shared:
            return judged_shared[i]
        enough = rules.type(kind[i]).shared_after
        around = {a if b == i else b for a, b, _ in edges if i in (a, b)}
        singles = {kind[o] for o in around if rules.type(kind[o]).single}
        return enough is not None and any(sum(kind[o] == single for o in around) >= enough for single in singles)

    free = {i for i in kind if not is_shared(i)}
    same = [(j.a, j.b) for j in stands if j.verdict == "same" and {j.a, j.b} <= free]
    apart = [{j.a, j.b} for j in stands if j.verdict == "different"]
    links = sorted(
        ((-rules.priority(kind[a]), *stamp, a, b, how) for (a, b, how), stamp in edges.items() if {a, b} <= free)
    )

    def may_join(one: frozenset[NodeId], other: frozenset[NodeId], *, judged: bool) -> bool:
        union = one | other
        if any(pair <= union and pair & one and pair & other for pair in apart):
            return False
        for name in {kind[i] for i in one} & {kind[i] for i in other}:
            rule = rules.type(name)
            if rule.unique:
                return False
            if judged or rule.limit is None:
                continue
            both = [i for i in union if kind[i] == name]
            for start in (first[i] for i in both):
                seen = {i for i in both if rule.window_us is None or start <= first[i] < start + rule.window_us}
                if len(seen) > rule.limit and seen & one and seen & other:
                    return False
        return True

    group = {i: frozenset({i}) for i in free}

    def try_join(a: NodeId, b: NodeId, *, judged: bool = False) -> None:
        one, other = group[a], group[b]
        if one != other and may_join(one, other, judged=judged):
            group.update(dict.fromkeys(one | other, one | other))

    for a, b in same:
        assert b is not None
        try_join(a, b, judged=True)
    for link in links:
        try_join(link[3], link[4])

    whole = {i: frozenset({i}) for i in free}
    for a, b in [*same, *((link[3], link[4]) for link in links)]:
        joined = whole[a] | whole[b]
        whole.update(dict.fromkeys(joined, joined))

    def oldest(nodes: frozenset[NodeId]) -> NodeId:
        return min(nodes, key=lambda i: (first[i], -rules.priority(kind[i]), i))

    return {
        i: (first[i], oldest(group[i]), oldest(whole[i]), False) if i in free else (first[i], i, i, True) for i in kind
    }


def survivorship(facts: list[Fact]) -> dict[str, list[tuple[Any, str, int, bytes]]]:
    """Each attribute's values with source and latest statement, the winner first."""
    stated: dict[str, dict[tuple[str, Any], list[tuple[int, bytes]]]] = {}
    for fact in facts:
        for field, value in fact.traits.items():
            stated.setdefault(field, {}).setdefault((fact.source, value), []).append((fact.at_us, fact.event))
    found = {}
    for field, values in stated.items():
        rule = PROFILES.rule_for(field)
        often: dict[Any, int] = {}
        for (_, value), when in values.items():
            often[value] = often.get(value, 0) + len(when)
        merit = {
            "most_recent": lambda _s, _v: 0,
            "source_rank": lambda s, _v, rule=rule: -rule.sources.index(s),
            "longest": lambda _s, v: len(v),
            "most_frequent": lambda _s, v, often=often: often[v],
        }[rule.strategy]
        ranked = sorted(values, key=lambda k: (merit(*k), *max(values[k]), k[0]), reverse=True)
        found[field] = [(value, source, *max(values[source, value])) for source, value in ranked]
    return found


def counters(facts: list[Fact]) -> dict[str, Any]:
    """What adds up."""
    bought = [fact.purchase for fact in facts if fact.purchase is not None]
    moments = sorted(fact.at_us for fact in facts if fact.acts)
    gaps = sum(b - a > PROFILES.session_gap_us for a, b in itertools.pairwise(moments))
    revenue: dict[str, Decimal] = {}
    for amount, currency in bought:
        if amount is not None:
            revenue[currency] = revenue.get(currency, Decimal(0)) + amount
    return {
        "events": len(facts),
        "sources": {s: n for s in ("web", "crm") if (n := sum(f.source == s for f in facts))},
        "purchases": len(bought),
        "unpriced": sum(amount is None for amount, _ in bought),
        "revenue": revenue,
        "sessions": gaps + bool(moments),
        "times": (min((f.at_us for f in facts), default=None), max((f.at_us for f in facts), default=None)),
    }


def consent(facts: list[Fact]) -> dict[str, tuple[bool, int, bytes]]:
    """The word that settles each purpose ever spoken of: granted or not, when, by which event."""
    settled = {}
    for purpose in {p for fact in facts for p in fact.consents}:
        whole, own, naming = [], {}, {}
        for fact in facts:
            for about in {purpose, "all"} & fact.consents.keys():
                word = (fact.at_us, not fact.consents[about], fact.event)
                if fact.whole:
                    whole.append(word)
                else:
                    own.setdefault(fact.named[0].node, []).append(word)
                for other in fact.named[1:]:
                    naming.setdefault(other.node, []).append(word)
        for node, words in own.items():
            # A later yes that names the node outranks its no.
            if max(words)[1] and node in naming and not max(naming[node])[1]:
                own[node] = [max(*words, *naming[node])]
        over = max(whole, default=None)
        standing = [max(words) for words in own.values() if over is None or max(words) > over]
        standing += whole and [max(whole)]
        at_us, denied, event = max([w for w in standing if w[1]] or standing)
        settled[purpose] = (not denied, at_us, event)
    return settled
