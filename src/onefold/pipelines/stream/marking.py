"""Marking: whom a piece of a batch touches, for the evaluation of audiences.

Working out who enters which segment within the stream's transaction would double its cost. It only notes which nodes were
touched, by which entry last; the store keeps that where any audience is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from onefold.identity.resolve import Resolution
from onefold.model import Judgement, NodeId
from onefold.pipelines.stream.batches import Candidate

_NODE_BYTES = 16


class Touched(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Whom a commit touched.

    Attributes:
        nodes: That events named, that moved to another person or that somebody judged, 16 bytes each.
        partitions: For each the partition of the last entry that named it; negative where none did.
        offsets: For each the offset of that entry.
        people: Profile ids that somebody had before a change.
        merged: Those of them that were merged, or merged into.
        parted: Those of them that were split.
        linked: Nodes about which there is new evidence or a new word of consent: others near them may be concerned too.
    """

    nodes: bytes
    partitions: Sequence[int] = ()
    offsets: Sequence[int] = ()
    people: bytes = b""
    linked: bytes = b""
    merged: bytes = b""
    parted: bytes = b""


_LISTED, _BESIDE = -1, -2
"""In the place of a partition: the node was put on a list or taken from one; it stands beside what an entry touched."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Touched).decode


def marks(piece: Sequence[Candidate], resolution: Resolution, judgements: Sequence[Judgement]) -> list[bytes]:
    """Whom a piece touches, as one mark; none where it touches nobody."""
    last: dict[NodeId, tuple[int, int]] = {}
    linked: set[NodeId] = set()
    for c in piece:
        stored = c.stored
        place = (stored.partition, stored.offset)
        for named in c.named:
            last[named.node] = place
        if c.event.consents:
            linked.update(named.node for named in c.named)
    people: set[NodeId] = set()
    kinds: dict[str, set[NodeId]] = {"merged": set(), "split": set()}
    for change in resolution.changes:
        people.update((change.person, change.before))
        if change.kind in kinds:
            kinds[change.kind].update((change.person, change.before))
        linked.update(change.nodes)
        for node in change.nodes:
            last.setdefault(node, (change.partition, change.offset))
    for edge in resolution.edges:
        linked.update((edge.a, edge.b))
    for judgement in judgements:
        judged = [node for node in (judgement.a, judgement.b) if node is not None]
        linked.update(judged)
        for node in judged:
            last.setdefault(node, (_BESIDE, 0))
    for node in resolution.members:
        last.setdefault(node, (_BESIDE, 0))
    if not last:
        return []
    partitions, offsets = zip(*last.values(), strict=True)
    merged, parted = kinds.values()
    return [_encode(Touched(_joined(last), partitions, offsets, *map(_joined, (people, linked, merged, parted))))]


def mark(nodes: Collection[NodeId], *, listed: bool = False) -> bytes:
    """A mark of nodes that no entry touched; `listed` where they were put on a list or taken from one."""
    return _encode(Touched(_joined(nodes), [_LISTED if listed else _BESIDE] * len(nodes), [0] * len(nodes)))


class Concerned:
    """Whom marks concern, together."""

    def __init__(self) -> None:
        """Nobody yet."""
        self.last: dict[NodeId, tuple[int, int] | None] = {}
        self.people: set[NodeId] = set()
        self.linked: set[NodeId] = set()
        self.listed: set[NodeId] = set()
        self.merged: set[NodeId] = set()
        self.parted: set[NodeId] = set()

    def take(self, body: bytes) -> None:
        """Take in a mark; later ones go before."""
        touched = _decode(body)
        for node, partition, offset in zip(_split(touched.nodes), touched.partitions, touched.offsets, strict=True):
            if partition >= 0:
                self.last[node] = (partition, offset)
            else:
                self.last.setdefault(node, None)
                if partition == _LISTED:
                    self.listed.add(node)
        self.people.update(_split(touched.people))
        self.linked.update(_split(touched.linked))
        self.merged.update(_split(touched.merged))
        self.parted.update(_split(touched.parted))


def _joined(ids: Iterable[NodeId]) -> bytes:
    return b"".join(ids)


def _split(joined: bytes) -> list[NodeId]:
    """Ids that stand one after the other."""
    return [joined[start : start + _NODE_BYTES] for start in range(0, len(joined), _NODE_BYTES)]
