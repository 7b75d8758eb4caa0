"""The part of the profile store that knows who is in which audience, and what is still to be worked out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from onefold.model import NodeId


class Definition(msgspec.Struct, frozen=True, gc=False):
    """A version of a segment's definition; `body` is opaque to the store."""

    slug: str
    version: int
    body: bytes


class Evaluation(msgspec.Struct, frozen=True, gc=False):
    """How far the evaluation of audiences is.

    Attributes:
        sequence: Rises with each settlement; of two that began with the same one is refused.
        active: Whether any audience is kept, so that commits mark whom they touch.
        body: Opaque to the store.
    """

    sequence: int = 0
    active: bool = False
    body: bytes = b""


class Mark(msgspec.Struct, frozen=True, gc=False):
    """Whom a commit touched, to be evaluated; `body` is opaque to the store."""

    seq: int
    body: bytes


class Standing(msgspec.Struct, frozen=True, gc=False):
    """What the evaluation before found of a person.

    Attributes:
        due_us: When to look again if nothing happens; None for never.
        generation: Under which definitions.
        truths: The value of each condition.
    """

    person: NodeId
    due_us: int | None
    generation: int
    truths: str


class Membership(msgspec.Struct, frozen=True, gc=False):
    """That a person is in an audience, since when, and why: JSON without personal data."""

    audience: str
    person: NodeId
    since_us: int
    reason: bytes


class Listed(msgspec.Struct, frozen=True, gc=False):
    """That an identifier is on a list, whoever's it is or will be."""

    audience: str
    node: NodeId


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """What an evaluation, or a change of definitions, changes; all of it or nothing.

    Attributes:
        before: The evaluation's sequence that it began with.
        body: The evaluation's new body; None leaves it as it is.
        active: Whether commits mark whom they touch from now on; None leaves it as it is.
        define: Versions to add.
        marked: Marks to add.
        marks: Marks that are dealt with.
        standings: To insert or to replace.
        gone: People whose standing is removed.
        entered: Memberships to add, or to replace.
        left: Memberships to remove.
        listed: Identifiers to put on lists; a repeated one is no error.
        unlisted: Identifiers to take from lists.
    """

    before: int
    body: bytes | None = None
    active: bool | None = None
    define: Sequence[Definition] = ()
    marked: Sequence[bytes] = ()
    marks: Collection[int] = ()
    standings: Sequence[Standing] = ()
    gone: Sequence[NodeId] = ()
    entered: Sequence[Membership] = ()
    left: Sequence[tuple[str, NodeId]] = ()
    listed: Sequence[Listed] = ()
    unlisted: Sequence[Listed] = ()


class AudienceReader(Protocol):
    """Audiences as one snapshot of the store has them."""

    def definitions(self) -> list[Definition]:
        """All versions of all segments, by slug and version."""
        ...

    def evaluation(self) -> Evaluation:
        """How far the evaluation is."""
        ...

    def marks(self, *, limit: int) -> list[Mark]:
        """The oldest marks, in their order."""
        ...

    def due(self, *, until_us: int, limit: int) -> list[tuple[NodeId, int]]:
        """People to look at again by then, with the moment; the earliest first, equal ones in byte order."""
        ...

    def standings(self, people: Collection[NodeId]) -> dict[NodeId, Standing]:
        """What was found of these people."""
        ...

    def memberships(self, people: Collection[NodeId]) -> list[Membership]:
        """All memberships of these people, in no particular order."""
        ...

    def audience(self, name: str, *, after: NodeId, limit: int) -> list[Membership]:
        """Members with greater ids than `after`, in byte order."""
        ...

    def audience_sizes(self) -> dict[str, int]:
        """How many members each audience has that has any."""
        ...

    def listed(self, nodes: Collection[NodeId]) -> list[Listed]:
        """On which lists these nodes are, in no particular order."""
        ...

    def entries(self, name: str, *, after: NodeId, limit: int) -> list[Listed]:
        """The identifiers on a list with greater ids than `after`, in byte order."""
        ...
