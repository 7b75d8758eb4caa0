"""A run of the matcher over a workspace: what it scored anew goes into the log, what it no longer scores is taken back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from secrets import token_hex

import msgspec

from onefold.model import Edge, PairScore
from onefold.pipelines import scores
from onefold.pipelines.context import Context


class Scores(msgspec.Struct, frozen=True):
    """What a run scored.

    Attributes:
        model: Name and version of the model.
        pairs: All pairs worth telling, the smaller node first.
        compared: How many pairs were compared.
    """

    model: str
    pairs: tuple[PairScore, ...]
    compared: int


class Run(msgspec.Struct, frozen=True):
    """What a run of the matcher did.

    Attributes:
        id: Its id; entries of the log, evidence and history carry it.
        model: Name and version of the model.
        records: How many records there are.
        compared: How many pairs were compared.
        scored: How many pairs have a score now.
        changed: Pairs whose score is new or another than before.
        withdrawn: Pairs that had a score before and have none now.
        full: Whether all records were compared, not only those that are new or changed since the run before.
    """

    id: str
    model: str
    records: int
    compared: int
    scored: int
    changed: int
    withdrawn: int
    full: bool


def differences(stored: Iterable[Edge], found: Sequence[PairScore]) -> list[PairScore]:
    """What has to be said for stored scores to become these: new and other scores, and None where there is none any more."""
    known = {(edge.a, edge.b): edge.score for edge in stored if edge.kind == "scored"}
    said = [pair for pair in found if known.pop((pair.a, pair.b), None) != pair.score]
    return said + [PairScore(a, b, None) for (a, b), score in known.items() if score is not None]


def tell(context: Context, stored: Iterable[Edge], found: Scores, *, records: int, full: bool) -> Run:
    """Append what changed to the log; it holds once the processor has reached it."""
    said = differences(stored, found.pairs)
    run = token_hex(8)
    scores.append(context.log, said, run=run, model=found.model, at_us=context.clock_us())
    withdrawn = sum(pair.score is None for pair in said)
    return Run(
        id=run,
        model=found.model,
        records=records,
        compared=found.compared,
        scored=len(found.pairs),
        changed=len(said) - withdrawn,
        withdrawn=withdrawn,
        full=full,
    )
