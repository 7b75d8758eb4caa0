"""Segment files in an object store: kept there, sealed, and as copies on the disk as long as there is room for them.

A file is in the store before a manifest names it. What the store does not take makes the load fail, and the feed waits;
what it does not remove is left for a sweep, and cannot be read, because its key went with its name. Files that are copied
to the disk are read without the store.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from onefold.adapters.duckdb.segments import SPARED_SECONDS, SUFFIX, SegmentFiles
from onefold.adapters.s3.bucket import Bucket
from onefold.errors import IntegrityError, NotFoundError, OnefoldError, UnavailableError
from onefold.governance.encryption import EntrySealer
from onefold.ports.warehouse import Segment

_log = logging.getLogger("onefold.warehouse")


class RemoteSegmentFiles(SegmentFiles):
    """A workspace's segment files in an object store."""

    def __init__(self, directory: Path, sealer: EntrySealer, bucket: Bucket, *, cache_bytes: int) -> None:
        """Copies are in `directory`, `cache_bytes` of them at most once a file was written or fetched."""
        super().__init__(directory, sealer)
        self._bucket = bucket
        self._cache_bytes = cache_bytes

    def require(self, segments: Sequence[Segment]) -> None:
        """Nothing to see to: a copy that is not on the disk is fetched, and a folder that is not mounted hides no file."""

    def _keep(self, name: str) -> None:
        try:
            self._bucket.put(name, self.directory / name)
        except OnefoldError:
            super().remove([name])
            raise
        self._make_room(name)

    def open(self, segment: Segment) -> int:
        """A descriptor of the file, fetched if there is no copy; see `SegmentFiles`.

        Raises:
            IntegrityError: The store has it no more, or not as it was written.
            UnavailableError: There is no copy, and the store is away.
        """
        path = self.directory / segment.name
        for _ in range(2):
            try:
                if path.stat().st_size == segment.size:
                    os.utime(path)
                    return super().open(segment)
            except (FileNotFoundError, IntegrityError):
                pass
            self._fetch(segment.name, path)
        return super().open(segment)

    def remove(self, names: Collection[str]) -> None:
        """Remove files that the manifest does not name any more; what the store does not remove now, a sweep will."""
        for name in names:
            try:
                self._bucket.remove(name)
            except OnefoldError as error:
                _log.warning("a segment stays in the object store until a sweep", extra={"error": str(error)})
        if self.directory.is_dir():
            super().remove(names)

    def sweep(self, named: Collection[str], *, spared_seconds: float = SPARED_SECONDS) -> int:
        """Remove files that no manifest names, from the store and the disk; see `SegmentFiles`."""
        many = super().sweep(named, spared_seconds=spared_seconds)
        oldest = time.time() - spared_seconds
        try:
            left = [each for each in self._bucket.names() if each.name.endswith(SUFFIX) and each.name not in named]
            for each in left:
                if each.at <= oldest:
                    self._bucket.remove(each.name)
                    many += 1
        except UnavailableError as error:
            _log.warning("the object store is not swept", extra={"error": str(error)})
        return many

    def _fetch(self, name: str, path: Path) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = path.with_name(f"{name}.{os.urandom(4).hex()}.partial")
        try:
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                self._bucket.get(name, file)
            partial.rename(path)
        except NotFoundError:
            raise IntegrityError(
                f"the segment file {name} is not in the object store; put it back, or run `onefold rebuild`"
            ) from None
        except OSError as error:
            raise UnavailableError(f"a segment file cannot be copied to {self.directory} ({error.strerror})") from error
        finally:
            partial.unlink(missing_ok=True)
        self._make_room(name)

    def _make_room(self, kept: str) -> None:
        """Remove the copies that were not read for longest. Who has one open keeps it."""
        with contextlib.suppress(FileNotFoundError):  # another process makes room, too
            copies = [(path.stat(), path) for path in self.directory.glob(f"*{SUFFIX}") if path.name != kept]
            size = sum(status.st_size for status, _ in copies)
            for status, path in sorted(copies, key=lambda copy: copy[0].st_mtime):
                if size <= self._cache_bytes:
                    break
                path.unlink(missing_ok=True)
                size -= status.st_size
