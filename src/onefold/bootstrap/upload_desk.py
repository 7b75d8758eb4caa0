"""The upload desk: where a server takes files that people bring, shows how they would be read, and loads them."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import yaml

from onefold import config
from onefold.bootstrap import file_report
from onefold.bootstrap.loading import append_file
from onefold.bootstrap.workspace import Workspace
from onefold.config.files import NAME
from onefold.connectors.sources import guess, mapping_yaml
from onefold.connectors.sources import mapping as mappings
from onefold.connectors.sources.assignment import assigned, uses
from onefold.connectors.sources.files import header, look
from onefold.connectors.sources.first_rows import first_rows
from onefold.connectors.sources.language import Mapping, for_source
from onefold.connectors.sources.notes import Notes
from onefold.connectors.sources.preview import preview as previewed
from onefold.errors import ConfigurationError, OverloadedError, UsageError, nearest
from onefold.model import results
from onefold.model.column_change import ColumnChange
from onefold.pipelines import judgements

AT_ONCE = 2
ROWS_SHOWN = 20
_RETRY_SECONDS = 5.0
_DEPTH_MAX = 40
"""Levels of a mapping within each other; the reader of YAML takes the square of their number."""
_OPENING = (
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
_CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)
_UNNAMED = "source"
"""Whose own ids a file has before a source is chosen."""


class UploadDesk:
    """Files for one workspace. Safe for threads; a few are read at once."""

    def __init__(self, workspace: Workspace, directory: Path) -> None:
        """For an open workspace, in the project of a folder."""
        self._workspace = workspace
        self._directory = directory
        self._reading = threading.BoundedSemaphore(AT_ONCE)

    def preview(
        self, path: Path, *, source: str, mapping: str | None, changes: Sequence[ColumnChange]
    ) -> results.UploadPreview:
        """How a file would be read by a mapping, as YAML, or by a guess, with some columns as something else.

        Raises:
            OverloadedError: Others are being read.
            UsageError: The file or the mapping cannot be used.
        """
        with self._turn():
            notes: dict[str, str] = {}
            doubts: tuple[str, ...] = ()
            if mapping is None:
                guessed = guess.guess(*first_rows(path))
                plan, notes, doubts = guessed.mapping, guessed.notes, guessed.doubts
            else:
                plan = _read(mapping)
            columns = header(path, dialect=look(path, plan))
            for change in changes:
                if change.column not in columns:
                    raise UsageError(
                        f"The file has no column {change.column!r}{nearest(change.column, columns) or '.'}"
                    )
                plan = assigned(plan, columns, change)
            text = mapping_yaml.to_yaml(plan, notes)
            plan = _read(text)
            of = uses(plan, columns)
            rows, noticed = previewed(path, for_source(plan, self._ids(source) or _UNNAMED), columns, ROWS_SHOWN)
            return results.UploadPreview(
                file=path.name,
                mapping=text,
                guessed=mapping is None and not changes,
                doubts=doubts if not changes else (),
                said=_sentences(noticed),
                columns=tuple(
                    results.UploadColumn(
                        name=name,
                        uses=of[name],
                        note=notes.get(name, ""),
                    )
                    for name in columns
                ),
                rows=tuple(rows),
            )

    def load(self, path: Path, *, source: str, mapping: str, new: bool, request_id: str) -> results.FileLoaded:
        """Append a file's rows to the log.

        Args:
            path: The file.
            source: The source whose rows they are.
            mapping: As YAML.
            new: Whether the source is new, although its name is close to one that exists.
            request_id: Of the request that brought it, kept with each row.

        Raises:
            OverloadedError: Others are being read.
            UsageError: The file, the mapping or the source's name cannot be used.
        """
        self._require(source, new=new)
        with self._turn():
            plan = for_source(_read(mapping), self._ids(source))
            if not any(statement.identifiers for statement in plan.stated):
                raise UsageError("No column is an identifier, so that no row would be anybody's: say which one is.")
            notes = Notes()
            for done in append_file(self._workspace.context, path, plan, source=source, request_id=request_id):
                notes = done.notes
        return results.FileLoaded(
            source=source,
            file=path.name,
            rows=notes.rows,
            rejected={reason: tally.count for reason, tally in notes.rejected.items()},
            skipped=dict(notes.skipped),
            said=_sentences(notes),
        )

    def _require(self, source: str, *, new: bool) -> None:
        """Refuse a name that no source has or should have."""
        if not re.fullmatch(NAME.pattern or "", source) or source == judgements.SOURCE:
            raise UsageError(f"A source's name is {NAME.shape}; `{judgements.SOURCE}` is the product's own.")
        if source not in (known := self._known()) and not new and (near := nearest(source, known, cutoff=0.8)):
            raise UsageError(f"There is no source `{source}`{near} If it is a new one, say so.")

    def _known(self) -> set[str]:
        """Sources of this workspace: no message may tell those of another."""
        declared = config.read_project(self._directory).sources.values()
        mine = {one.name for one in declared if one.workspace == self._workspace.context.name}
        return (mine | set(self._workspace.context.log.received())) - {judgements.SOURCE}

    def _ids(self, source: str) -> str:
        declared = config.read_project(self._directory).sources.get(source)
        if declared is None or declared.workspace != self._workspace.context.name:
            return source
        return declared.ids or source

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._reading.acquire(blocking=False):
            raise OverloadedError(
                f"{AT_ONCE} files are being read already; send it again.", retry_after_seconds=_RETRY_SECONDS
            )
        try:
            yield
        except ConfigurationError as error:
            raise UsageError(str(error)) from None
        finally:
            self._reading.release()


def _read(text: str) -> Mapping:
    """A mapping that somebody sent: without references within it, by which a short text becomes a long one.

    Raises:
        ConfigurationError: It says something that we do not understand.
    """
    depth = 0
    try:
        for token in yaml.scan(text, Loader=yaml.BaseLoader):
            depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
            if isinstance(token, yaml.AliasToken) or depth > _DEPTH_MAX:
                raise ConfigurationError(
                    "references (`*`), and more than a few levels within each other, are not taken here", file="mapping"
                )
        return mappings.read(text)
    except (yaml.YAMLError, RecursionError):
        raise ConfigurationError("this is not YAML", file="mapping") from None


def _sentences(notes: Notes) -> tuple[str, ...]:
    return tuple(file_report.sentences(msgspec.to_builtins(notes)))
