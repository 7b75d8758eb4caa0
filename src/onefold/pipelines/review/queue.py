"""The queue: the pairs of a workspace in the order in which they are worth a look, and what has been said of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Literal, NamedTuple

from onefold.errors import UsageError
from onefold.identity import review
from onefold.identity.review import Answered, Candidate, Pair
from onefold.model import Judgement
from onefold.pipelines.context import Context
from onefold.pipelines.reading.profile_rows import people_with_nodes
from onefold.pipelines.review.candidates import candidates, of_pairs
from onefold.ports import ProfileSnapshot

View = Literal["open", "unsure", "disputed", "second", "decided"]
"""Which pairs: by status; `second` are those decided by one reviewer, for another to answer without knowing the answer."""

WEIGHED_MAX = 500
"""The most uncertain pairs, of which the people are read to put those first that matter most."""
_NOBODY = Answered()


class Queue(NamedTuple):
    """The candidates of one moment, and how much each matters; what nobody looked at matters 1."""

    candidates: Mapping[Pair, Candidate]
    weights: Mapping[Pair, float]


class Said(NamedTuple):
    """All that was said of pairs, and how each stands."""

    judgements: Sequence[Judgement]
    answers: Mapping[Pair, Answered]


def queue(context: Context, snapshot: ProfileSnapshot) -> Queue:
    """The candidates of a snapshot."""
    found = {one.pair: one for one in candidates(snapshot, context.identity)}
    first = sorted(found.values(), key=lambda one: (-review.uncertainty(one), one.pair))[:WEIGHED_MAX]
    rows = snapshot.nodes(sorted({node for one in first for node in one.pair}))
    ids = {row.member.person for row in rows.values()}
    people = {
        profile.id: (len(nodes), float(profile.revenue)) for profile, nodes in people_with_nodes(context, snapshot, ids)
    }
    weights = {}
    for one in first:
        both = {rows[node].member.person for node in one.pair if node in rows}
        known = [people[person] for person in both if person in people]
        weights[one.pair] = review.weight(sum(many for many, _ in known), sum(value for _, value in known))
    return Queue(found, weights)


def said(snapshot: ProfileSnapshot) -> Said:
    """All that was said of pairs."""
    judgements = [judgement for judgement in snapshot.scan_judgements() if judgement.b is not None]
    return Said(judgements, review.answered(judgements))


def counts(found: Queue, told: Said) -> Mapping[View, int]:
    """How many pairs there are of each view, whoever asks."""
    many: dict[View, int] = dict.fromkeys(("open", "unsure", "disputed", "second", "decided"), 0)
    many["open"] = sum(pair not in told.answers for pair in found.candidates)
    for answered in told.answers.values():
        many[answered.status] += 1
        many["second"] += answered.status == "decided" and len(answered.answers) == 1
    return many


def in_view(
    snapshot: ProfileSnapshot, found: Queue, told: Said, view: View, reviewer: str
) -> list[tuple[float, Candidate]]:
    """The pairs of a view that a reviewer may be asked about, the highest priority first."""
    if view == "open":
        some = [one for pair, one in found.candidates.items() if pair not in told.answers]
    else:
        pairs = [pair for pair, answered in told.answers.items() if _shown(view, reviewer, answered)]
        some = [found.candidates[pair] for pair in pairs if pair in found.candidates]
        some += of_pairs(snapshot, [pair for pair in pairs if pair not in found.candidates])
    return review.in_order(some, found.weights)


def _shown(view: View, reviewer: str, answered: Answered) -> bool:
    if view == "second":
        return review.second_wanted(reviewer, answered)
    if view == "unsure":
        return review.wanted("unsure", reviewer, answered)
    return answered.status == view


def status_of(told: Said, pair: Pair) -> Answered:
    """How a pair stands."""
    return told.answers.get(pair, _NOBODY)


def after(ranked: Sequence[tuple[float, Candidate]], cursor: str | None) -> Iterator[tuple[float, Candidate]]:
    """What comes after the cursor of a page.

    Raises:
        UsageError: Invalid cursor.
    """
    if cursor is None:
        return iter(ranked)
    priority, _, pair = cursor.partition("~")
    try:
        last = (-float(priority), pair_of(pair))
    except (ValueError, UsageError):
        raise UsageError("Invalid cursor; start again without one.") from None
    return (item for item in ranked if (-item[0], item[1].pair) > last)


def cursor_of(priority: float, one: Candidate) -> str:
    """The cursor after a pair."""
    return f"{priority!r}~{id_of(one.pair)}"


def id_of(pair: Pair) -> str:
    """A pair's id."""
    return f"{pair[0].hex()}-{pair[1].hex()}"


def pair_of(text: str) -> Pair:
    """The pair of an id.

    Raises:
        UsageError: It is not of that form.
    """
    one, _, other = text.partition("-")
    try:
        a, b = bytes.fromhex(one), bytes.fromhex(other)
    except ValueError:
        a = b = b""
    if len(a) != 16 or len(b) != 16 or a >= b or text != id_of((a, b)):
        raise UsageError("Invalid pair id; `onefold review list` and GET /api/v1/review/pairs name pairs.")
    return a, b


def chunks(ranked: Iterator[tuple[float, Candidate]], size: int) -> Iterator[list[tuple[float, Candidate]]]:
    """A list in pieces."""
    while some := list(islice(ranked, size)):
        yield some
