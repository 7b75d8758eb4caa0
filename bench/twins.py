"""Twins: rows of a warehouse's logs once more, of other people, so that it is as large as a stream would make it in hours.

Each twin of a row is what its row is, but for ids and identifiers, and lies in a file like that of its row. The profile
store does not know twins, so what is measured of them is the warehouse alone.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from onefold import bootstrap
from onefold.adapters.duckdb.segments import SegmentFiles
from onefold.model import Column
from onefold.ports.warehouse import ManifestChange
from onefold.warehouse import relations

_LOGS = {relation.full_name: relation for relation in relations.LOGS}
_NAMES = r"(user|cookie|anon|person)(-?\d)"
"""How the identifiers of `onefold.synthetic.stream` begin."""
_NODE = re.compile(r"\b[0-9a-f]{32}\b")


def add(workspace: bootstrap.Workspace, files: SegmentFiles, times: int) -> None:
    """Add so many twins of each row that is in a file."""
    with workspace.context.store.snapshot() as snapshot:
        loaded, segments = snapshot.loaded(), [s for s in snapshot.segments() if s.relation in _LOGS]
    for number in range(1, times + 1):
        added = [
            files.write(_LOGS[s.relation], _twins(files.read(s), s.relation, number), level=s.level, bucket=s.bucket)
            for s in segments
        ]
        with workspace.context.store.transaction() as transaction:
            transaction.revise(ManifestChange(loaded_before=loaded, add=added))


def _twins(rows: pa.Table, relation: str, number: int) -> pa.Table:
    log = _LOGS[relation]
    return pa.table([_other(column, rows[column.name], number) for column in log.columns], schema=rows.schema)


def _other(column: Column, values: pa.ChunkedArray, number: int) -> pa.Array | pa.ChunkedArray:
    if column.type == "uuid":
        return pa.ExtensionArray.from_storage(pa.uuid(), _moved(values.combine_chunks().storage, number))
    if column.type == "uuids":
        lists = values.combine_chunks()
        nodes = pa.ExtensionArray.from_storage(pa.uuid(), _moved(lists.flatten().storage, number))
        return pa.ListArray.from_arrays(lists.offsets, nodes, values.type)
    if column.type not in {"text", "json"}:
        return values
    renamed = pc.replace_substring_regex(values, _NAMES, rf"\1-t{number}-\2")
    if column.name != "identifiers":
        return renamed
    ids = [
        None if text is None else _NODE.sub(lambda at: _moved_hex(at[0], number), text) for text in renamed.to_pylist()
    ]
    return pa.array(ids, values.type)


def _moved(nodes: pa.Array, number: int) -> pa.Array:
    """Other ids, whose first byte, and with it the bucket, is the same."""
    if not len(nodes):
        return nodes
    nodes = pa.concat_arrays([nodes])  # from its beginning, where it was a part
    ids = np.frombuffer(nodes.buffers()[1], dtype=np.uint8)[: 16 * len(nodes)].reshape(-1, 16).copy()
    ids[:, -1] ^= number
    return pa.Array.from_buffers(pa.binary(16), len(nodes), [nodes.buffers()[0], pa.py_buffer(ids.tobytes())])


def _moved_hex(node: str, number: int) -> str:
    return f"{node[:-2]}{int(node[-2:], 16) ^ number:02x}"
