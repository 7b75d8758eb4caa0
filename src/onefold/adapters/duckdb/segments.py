"""Segment files: written once, durably, sealed under a key of their own, and never changed."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from onefold.adapters.duckdb import concerned, node_filters
from onefold.adapters.duckdb.sealed_file import SealedFile, SealedWriter
from onefold.adapters.duckdb.summaries import Summary, packed, summary_of, unpacked
from onefold.errors import IntegrityError, UnavailableError
from onefold.governance.encryption import EntrySealer
from onefold.model import Relation
from onefold.ports.warehouse import Segment

SUFFIX = ".segment"
_PARTIAL = ".partial"
_ROW_GROUP = 131_072
_DICTIONARIES = frozenset({"source", "kind", "name", "type", "rule", "stage", "primary_type"})
"""Columns with few values; a dictionary of others costs more than it saves."""
_KEY_BYTES = 32
SPARED_SECONDS = 3600.0
"""How old a file that no manifest names must be to be removed: the one that writes it may be about to name it."""
_MANY_ROWS = 50_000
"""From here on a file is read by several threads."""


class SegmentFiles:
    """The folder of a workspace's segment files."""

    def __init__(self, directory: Path, sealer: EntrySealer) -> None:
        """The folder is made when the first file is written, and never again: then it is not gone, but not mounted."""
        self.directory = directory
        self._begun = False
        self._sealer = sealer

    def write(
        self,
        relation: Relation,
        rows: pa.Table,
        *,
        level: int = 0,
        bucket: int = -1,
        promoted: Mapping[str, str] | None = None,
        trimmed: Mapping[str, int] | None = None,
    ) -> Segment:
        """Write a file; it is on the disk, folder entry included, when this returns. Its rows are as they are given.

        `promoted` tells which promoted columns are among them, and how each was made; `trimmed` what they have lost.

        Raises:
            UnavailableError: The disk is full or gone; nothing is left of the file.
        """
        first = last = 0
        if "sequence" in rows.column_names and rows.num_rows:
            bounds = pc.min_max(rows["sequence"]).as_py()
            first, last = bounds["min"], bounds["max"]
        name = f"{relation.full_name}-{first:015d}-{last:015d}-{os.urandom(8).hex()}{SUFFIX}"
        key = os.urandom(_KEY_BYTES)
        partial = self.directory / (name + _PARTIAL)
        try:
            if not self._begun:
                self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with SealedWriter(partial, key) as writer:
                filtered = _written(writer, relation, rows)
            partial.rename(self.directory / name)
            self._settle()
            size = (self.directory / name).stat().st_size
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise UnavailableError(
                f"a segment file cannot be written to {self.directory} ({error.strerror}); nothing was changed"
            ) from error
        self._keep(name)
        wrapped = self._sealer.wrap_file_key(key + packed(summary_of(rows, promoted, trimmed, filtered)), name)
        return Segment(name, relation.full_name, first, last, rows.num_rows, size, wrapped, level, bucket)

    def require(self, segments: Sequence[Segment]) -> None:
        """See that the files are where they were, before others are written beside them.

        Raises:
            UnavailableError: They are not; what is written now would be hidden when they are back.
        """
        self._begun = bool(segments)
        if segments and not (self.directory / segments[-1].name).exists():
            raise UnavailableError(
                f"the segment files are not in {self.directory}: is a disk not mounted? Put them back, or run "
                "`onefold rebuild`"
            )

    def _keep(self, name: str) -> None:
        """See that a file that was just written is where files are kept; here it is."""

    def open(self, segment: Segment) -> int:
        """A descriptor of the file, good for as long as it is open even if the file is removed.

        Raises:
            IntegrityError: The file is not there, or is not as long as it was.
        """
        try:
            self._begun = True
            descriptor = os.open(self.directory / segment.name, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise IntegrityError(
                f"the segment file {segment.name} is missing; put it back, or run `onefold rebuild`"
            ) from None
        if os.fstat(descriptor).st_size != segment.size:
            os.close(descriptor)
            raise IntegrityError(
                f"the segment file {segment.name} is not as it was written; restore it, or run `onefold rebuild`"
            )
        return descriptor

    def key(self, segment: Segment) -> bytes:
        """The file's own key."""
        return self._sealer.unwrap_file_key(segment.key, segment.name)[:_KEY_BYTES]

    def summary(self, segment: Segment) -> Summary:
        """What is known of the file's rows without opening it."""
        return unpacked(self._sealer.unwrap_file_key(segment.key, segment.name)[_KEY_BYTES:])

    def may_hold(self, segment: Segment, nodes: pa.Array) -> bool:
        """Whether the file may hold one of these nodes; False is certain. A file of an earlier version may hold any."""
        filtered = self.summary(segment).filtered
        if filtered is None:
            return True
        with SealedFile(self.open(segment), self.key(segment)) as file:
            return node_filters.may_hold(file.read_at(*filtered), nodes)

    def read(self, segment: Segment, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of a segment; all columns, or these."""
        with SealedFile(self.open(segment), self.key(segment)) as file:
            # Arrow's threads may still be starting when a short command ends, and the process is aborted then. So what is
            # read in no time is read by this thread alone.
            threads = segment.rows >= _MANY_ROWS
            parquet = pq.ParquetFile(pa.PythonFile(file, mode="r"), pre_buffer=threads)
            return parquet.read(columns and list(columns), use_threads=threads)

    def remove(self, names: Collection[str]) -> None:
        """Remove files that the manifest does not name any more."""
        for name in names:
            (self.directory / name).unlink(missing_ok=True)
        if names:
            with contextlib.suppress(FileNotFoundError):  # what is left in a folder that is away, a later sweep removes
                self._settle()

    def sweep(self, named: Collection[str], *, spared_seconds: float = SPARED_SECONDS) -> int:
        """Remove what killed processes left: files that no manifest names and that nobody can be writing any more."""
        if not self.directory.is_dir():
            return 0
        oldest = time.time() - spared_seconds
        left = [
            path.name
            for path in self.directory.iterdir()
            if path.name.endswith((SUFFIX, _PARTIAL)) and path.name not in named and path.stat().st_mtime <= oldest
        ]
        self.remove(left)
        return len(left)

    def _settle(self) -> None:
        descriptor = os.open(self.directory, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _written(writer: SealedWriter, relation: Relation, rows: pa.Table) -> tuple[int, int] | None:
    """Write rows, and where its columns have nodes their filter before the footer; where that is, and its length."""
    sink = pa.PythonFile(writer, mode="w")
    dictionaries = [column for column in rows.column_names if column in _DICTIONARIES]
    with pq.ParquetWriter(sink, rows.schema, compression="zstd", use_dictionary=dictionaries) as parquet:
        parquet.write_table(rows, row_group_size=_ROW_GROUP)
        if not concerned.columns(relation.full_name):
            return None
        data = node_filters.made(concerned.nodes(relation.full_name, rows))
        start = sink.tell()
        sink.write(data)
        return start, len(data)
