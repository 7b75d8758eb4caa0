"""Progress: which definitions hold, and how far the evaluation of all people under them is. Kept in the profile store."""

from __future__ import annotations

from collections.abc import Container, Mapping

import msgspec

from onefold.audiences.definition import Definition
from onefold.audiences.definition import decode as decode_definition
from onefold.model import NodeId
from onefold.ports.audiences import Definition as StoredDefinition


class Scan(msgspec.Struct, frozen=True):
    """An evaluation of everybody that is under way.

    Attributes:
        after: People up to this id are done.
        refresh: The scheduled segments that it works out.
        because: `definition` or `schedule`.
    """

    after: NodeId = b""
    refresh: tuple[str, ...] = ()
    because: str = "definition"


def anew(scan: Scan | None, keep: Container[str]) -> Scan:
    """An evaluation of everybody from the start, with what one under way works out of scheduled segments that are kept."""
    return Scan(refresh=() if scan is None else tuple(slug for slug in scan.refresh if slug in keep))


class Run(msgspec.Struct, frozen=True):
    """The last run of a scheduled segment: when, and from which value on people are in its top."""

    at_us: int
    cut: str | None = None


class Scores(msgspec.Struct, frozen=True):
    """What the latest run of an RFM definition leaves for scoring people one by one.

    Attributes:
        definition: Fingerprint of the definition that ran.
        as_of_us: The moment of the run.
        cut_points: JSON; values of everybody's measures, without who has them.
    """

    definition: str
    as_of_us: int
    cut_points: bytes


class Compared(msgspec.Struct, frozen=True):
    """What the latest reconciliation found: people who differed, and who waited to be evaluated."""

    at_us: int
    differing: int
    waiting: int


class Progress(msgspec.Struct, frozen=True):
    """What holds.

    Attributes:
        generation: Rises with each change of what decides memberships.
        versions: The version of each segment that holds; a segment that is not there was removed.
        stages: Lifecycle stages that hold, each with its rule, least first.
        applied_us: When that was applied.
        scan: What is under way; None when everybody is evaluated.
        runs: The last run of each scheduled segment.
        compared: What the latest reconciliation found.
        scores: By RFM definition, the latest run.
        filling: Of the aggregates that rules read, those that did not hold all events when everybody was evaluated: by
            fingerprint.
    """

    generation: int = 0
    versions: Mapping[str, int] = {}
    stages: tuple[tuple[str, str], ...] = ()
    applied_us: int = 0
    scan: Scan | None = None
    runs: Mapping[str, Run] = {}
    compared: Compared | None = None
    scores: Mapping[str, Scores] = {}
    filling: tuple[str, ...] = ()


encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Progress).decode


def decode(body: bytes) -> Progress:
    """Read what `encode` wrote; of nothing, that nothing holds."""
    return _decode(body) if body else Progress()


def holding(stored: list[StoredDefinition], progress: Progress) -> dict[str, Definition]:
    """The definitions that hold, by slug."""
    return {d.slug: decode_definition(d.body) for d in stored if progress.versions.get(d.slug) == d.version}
