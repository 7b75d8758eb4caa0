"""Replacing: segment files in the place of others, in one step of the manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from onefold.adapters.duckdb.segments import SegmentFiles
from onefold.errors import ConflictError
from onefold.ports import ProfileStore
from onefold.ports.warehouse import ManifestChange, Segment


def replaced(
    store: ProfileStore,
    files: SegmentFiles,
    before: Sequence[Segment],
    written: Iterable[Segment],
    loaded: int,
    recorded: Mapping[str, bytes] = MappingProxyType({}),
) -> bool:
    """Put files that are about to be written in the place of others; False, with nothing changed, where a load came between.

    Args:
        store: Where the manifest is.
        files: The folder of the files.
        before: What they replace.
        written: They, as they are written.
        loaded: What `loaded` was when `before` was read.
        recorded: Definitions of relations that come with them; see `ManifestChange`.

    Raises:
        UnavailableError: The disk or the store cannot be written. Nothing was changed.
    """
    added: list[Segment] = []
    names = [segment.name for segment in before]
    try:
        added.extend(written)
        with store.transaction() as transaction:
            transaction.revise(ManifestChange(loaded_before=loaded, add=added, remove=names, relations=recorded))
    except ConflictError:  # the next time will do
        files.remove([segment.name for segment in added])
        return False
    except BaseException:
        files.remove([segment.name for segment in added])
        raise
    files.remove(names)
    return True
