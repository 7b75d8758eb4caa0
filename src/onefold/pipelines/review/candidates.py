"""Candidates: the pairs of a workspace that a person should look at, as one snapshot of the store has them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

from onefold.identity.review import Candidate, Pair, ordered
from onefold.identity.settings import IdentitySettings
from onefold.model import NodeId, log_odds
from onefold.ports import ProfileSnapshot
from onefold.ports.scores import ScoredPair

PAIRS_MAX = 10_000
"""Candidates of each kind that are kept, those with the highest scores first."""
_BARELY = 1.0
"""How far above the threshold the score of a join is hardly enough, in natural-log odds."""
_HARDLY = 3.0
"""How far below the guard that refused it a pair is nobody's question any more, in natural-log odds: a family's phone."""
_AT_ONCE = 1_000


def candidates(snapshot: ProfileSnapshot, settings: IdentitySettings) -> list[Candidate]:
    """The pairs to look at: likely ones that are two people, joins by a hair, and exact evidence that was contradicted."""
    likely, enough = log_odds(settings.review_from), settings.joins_above
    apart = snapshot.scored_pairs(joined=False, least=likely, most=math.inf, after=None, limit=PAIRS_MAX)
    barely = snapshot.scored_pairs(joined=True, least=likely, most=enough + _BARELY, after=None, limit=PAIRS_MAX)
    found = [Candidate(_ends(one), "scored", one.edge.score, one.edge.rule) for one in apart]
    found += [Candidate(_ends(one), "joined", one.edge.score, one.edge.rule) for one in barely]
    if settings.contradiction_below > 0:
        most = log_odds(settings.contradiction_below)
        against = snapshot.scored_pairs(joined=False, least=most - _HARDLY, most=most, after=None, limit=PAIRS_MAX)
        for start in range(0, len(against), _AT_ONCE):
            found += _contradicted(snapshot, settings, against[start : start + _AT_ONCE])
    return found


def _ends(one: ScoredPair) -> Pair:
    return ordered(one.edge.a, one.edge.b)


def _contradicted(
    snapshot: ProfileSnapshot, settings: IdentitySettings, pairs: Sequence[ScoredPair]
) -> Iterator[Candidate]:
    """Of pairs that the matcher holds for two people, those that state one identifier that may be several people's."""
    near: dict[NodeId, set[NodeId]] = defaultdict(set)
    for edge in snapshot.edges(sorted({node for one in pairs for node in _ends(one)})):
        if edge.kind != "scored":
            near[edge.a].add(edge.b)
            near[edge.b].add(edge.a)
    common = {_ends(one): near[one.edge.a] & near[one.edge.b] for one in pairs}
    rows = snapshot.nodes(sorted({node for nodes in common.values() for node in nodes}))
    types = {node: row.member.type for node, row in rows.items() if not row.member.shared}
    for one in pairs:
        stated = sorted({types[node] for node in common[_ends(one)] if node in types})
        shareable = [kind for kind in stated if settings.type(kind).shared_after is not None]
        if shareable:
            why = f"both state one {shareable[0]}, but what else is known of them contradicts"
            yield Candidate(_ends(one), "refused", one.edge.score, one.edge.rule, why)


def of_pairs(snapshot: ProfileSnapshot, pairs: Sequence[Pair]) -> list[Candidate]:
    """These pairs as candidates, whatever was scored of them."""
    scores = {ordered(e.a, e.b): e for e in snapshot.evidence(pairs) if e.kind == "scored" and e.score is not None}
    found = []
    for pair in pairs:
        edge = scores.get(pair)
        found.append(Candidate(pair, "judged") if edge is None else Candidate(pair, "scored", edge.score, edge.rule))
    return found
