"""Concerned: which columns of a relation have nodes, and which of its rows concern some.

A row concerns a node that stands in one of its relation's own columns; an event that only names a node in its list is
another's, but tells of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from onefold.warehouse import relations, upkeep

OWN: Mapping[str, Sequence[str]] = {
    relations.EVENT.full_name: ("node",),
    relations.IDENTITY_CHANGE.full_name: ("node",),
    relations.EVIDENCE.full_name: ("node_a", "node_b"),
    relations.JUDGEMENT.full_name: ("node_a", "node_b"),
    # Rows of these people, and of others as they were when one of the nodes was theirs.
    relations.PROFILE_CHANGE.full_name: ("person", "identifiers"),
    relations.MEMBERSHIP_CHANGE.full_name: ("person",),
    **dict.fromkeys(upkeep.BY_PERSON, ("person",)),
    **dict.fromkeys(upkeep.BY_NODE, ("node",)),
}
"""By full name of a relation, the columns whose nodes its rows concern."""
_NAMING: Mapping[str, Sequence[str]] = {relations.EVENT.full_name: ("nodes",)}
_NODE = pa.binary(16)
_NODE_DIGITS = 32
_BEFORE_NODE = '"node":"'
"""What is before a node in the JSON of `identifiers`; a value cannot have it, whose quotes have a backslash."""


def columns(relation: str) -> list[str]:
    """The columns of a relation that have nodes, its own before those that only name some."""
    return [*OWN.get(relation, ()), *_NAMING.get(relation, ())]


def nodes(relation: str, rows: pa.Table) -> pa.Array:
    """All nodes that rows of a relation have in these columns, each once."""
    return pc.unique(pa.concat_arrays([pa.array([], _NODE), *(_nodes(rows[name])[0] for name in columns(relation))]))


def concerned(relation: str, rows: pa.Table, wanted: pa.Array) -> pa.Array:
    """Which rows of a relation concern some nodes, a boolean a row."""
    return _having(rows, OWN[relation], wanted)


def named(relation: str, rows: pa.Table, wanted: pa.Array) -> pa.Array:
    """Which rows of a relation name some nodes in a list, whoever's they are."""
    return _having(rows, _NAMING.get(relation, ()), wanted)


def without(lists: pa.ChunkedArray, gone: pa.Array) -> pa.Array:
    """Lists of nodes without some of them."""
    lists = lists.combine_chunks()
    flat = lists.flatten()
    kept = pc.invert(pc.is_in(flat.storage, value_set=gone))
    ends = np.concatenate([[0], np.cumsum(kept.to_numpy(zero_copy_only=False))])
    offsets = lists.offsets.to_numpy()
    return pa.ListArray.from_arrays(pa.array(ends[offsets - offsets[0]], pa.int32()), flat.filter(kept), lists.type)


def _having(rows: pa.Table, names: Sequence[str], wanted: pa.Array) -> pa.Array:
    found = np.zeros(rows.num_rows, dtype=bool)
    for name in names:
        there, places = _nodes(rows[name])
        found[places[pc.is_in(there, value_set=wanted).to_numpy(zero_copy_only=False)]] = True
    return pa.array(found)


def _nodes(column: pa.ChunkedArray) -> tuple[pa.Array, npt.NDArray[Any]]:
    """The nodes in a column, and in which row each is."""
    if not len(column):
        return pa.array([], _NODE), np.zeros(0, dtype=np.int64)
    values = column.combine_chunks()
    if pa.types.is_string(values.type):
        return _in_json(values)
    if pa.types.is_list(values.type):
        return values.flatten().storage, pc.list_parent_indices(values).to_numpy()
    there = values.is_valid()
    return values.storage.filter(there), np.flatnonzero(there.to_numpy(zero_copy_only=False))


def _in_json(texts: pa.Array) -> tuple[pa.Array, npt.NDArray[Any]]:
    parts = pc.split_pattern(texts, _BEFORE_NODE)
    flat, places = parts.flatten(), pc.list_parent_indices(parts).to_numpy()
    after = np.concatenate([[False], places[1:] == places[:-1]])[: len(places)]
    digits = pc.utf8_slice_codeunits(flat.filter(pa.array(after)), 0, _NODE_DIGITS).to_pylist()
    data = pa.py_buffer(bytes.fromhex("".join(digits)))
    return pa.Array.from_buffers(_NODE, len(digits), [None, data]), places[after]
