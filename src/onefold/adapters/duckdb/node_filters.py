"""Node filters: of the nodes in a segment file so much that an erasure leaves most files closed that do not hold one.

A filter is Bloom's: each node sets four bits, and a file of which one of a node's bits is not set does not hold the node.
Nodes are keyed hashes, even in all their bits, so no other hash is needed. A filter stands in the file itself, sealed with
its rows, for it would be most of the manifest, which every query reads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_BITS = 12
"""For each node; of a hundred nodes that a file does not hold, less than one seems to be there."""
_BITS_MIN = 64


def made(nodes: pa.Array) -> bytes:
    """The filter of some nodes, each given once."""
    bits = -(-max(_BITS * len(nodes), _BITS_MIN) // 8) * 8
    marked = np.zeros(bits, dtype=bool)
    marked[_places(nodes, bits)] = True
    return np.packbits(marked).tobytes()


def may_hold(data: bytes, nodes: pa.Array) -> bool:
    """Whether one of these nodes may be among those that a filter was made of; False is certain."""
    marked = np.unpackbits(np.frombuffer(data, dtype=np.uint8)).view(bool)
    return bool(marked[_places(nodes, len(marked))].all(axis=1).any())


def _places(nodes: pa.Array, bits: int) -> npt.NDArray[Any]:
    """The four bits of each node."""
    if not len(nodes):
        return np.zeros((0, 4), dtype=np.uint64)
    words = np.frombuffer(nodes.buffers()[1], dtype="<u4").reshape(-1, 4)[nodes.offset : nodes.offset + len(nodes)]
    return words.astype(np.uint64) * np.uint64(bits) >> np.uint64(32)
