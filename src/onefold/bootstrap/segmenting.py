"""A project's segments: its files beside what holds in a workspace."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from onefold import config
from onefold.audiences.definition import Definition
from onefold.bootstrap.segment_desk import declared_stages
from onefold.bootstrap.segment_files import SegmentFiles
from onefold.bootstrap.warehousing import require_extra, warehouse_opener
from onefold.bootstrap.workspace import Workspace, catch_up, choose, open_workspace
from onefold.errors import UsageError
from onefold.model import Identifier, results
from onefold.pipelines import judgements
from onefold.pipelines.audiences import export
from onefold.pipelines.audiences.applying import Difference, Stages
from onefold.pipelines.audiences.counting import Progress, quiet
from onefold.pipelines.audiences.inquiry import Open
from onefold.pipelines.audiences.service import Audiences
from onefold.warehouse import cells

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa

_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class ProjectSegments:
    """What a project's files say of segments, and the workspace that it is applied to."""

    directory: Path
    workspace: Workspace
    wanted: tuple[Definition, ...]
    stages: Stages
    warehouse: Open | None
    progress: Progress

    @property
    def audiences(self) -> Audiences:
        """What may be asked or said."""
        return Audiences(self.workspace.context, lambda: self.wanted, warehouse=self.warehouse, progress=self.progress)

    def plan(self) -> results.SegmentPlan:
        """Who would enter and leave what, if the files were applied."""
        return self.audiences.plan(self.wanted, self.stages)

    def apply(self, *, again: bool = False) -> tuple[Difference, bool]:
        """Apply the files; what changed, and whether everybody is evaluated by now: else a running worker does it."""
        found = self.audiences.apply(self.wanted, self.stages, again=again)
        return found, catch_up(self.workspace)

    def messages(self, topic: str) -> Iterator[bytes]:
        """Bodies of the outbox's messages of a topic, oldest first."""
        after = 0
        while True:
            with self.workspace.context.store.snapshot() as snapshot:
                page = snapshot.outbox(after=after, limit=_PAGE)
            yield from (message.body for message in page if message.topic == topic)
            if len(page) < _PAGE:
                return
            after = page[-1].seq

    def reconcile(self) -> results.ReconciledSegments:
        """Compare memberships with an evaluation of everybody."""
        return self.audiences.reconcile()

    def upload(self, slug: str, file: Path, *, kind: str | None, remove: bool) -> results.ListChange:
        """Put the identifiers of a file on a list, one a line, or take them from it; `-` is standard input.

        Raises:
            UsageError: A line cannot be read; the message tells which. Nothing was changed.
        """
        context = self.workspace.context
        read = list(identifiers(file, kind, context.identity.types))
        name = _name(file)
        for number, one in read:
            if judgements.subject(one, context.identity, context.hasher) is None:
                raise UsageError(f"{name}:{number} cannot name anybody as `{one.type}`. Nothing was changed.")
        found = self.audiences.upload(slug, [one for _, one in read], remove=remove)
        catch_up(self.workspace)
        return found


def _name(file: Path) -> str:
    return "standard input" if str(file) == "-" else file.name


def identifiers(file: Path, kind: str | None, types: Collection[str]) -> Iterator[tuple[int, Identifier]]:
    """The identifiers of a file, one a line, with the line; one without a known type has this one. Empty lines do not count.

    Raises:
        UsageError: A line cannot be read; the message tells which.
    """
    raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    name = _name(file)
    for number, line in enumerate(raw.splitlines(), start=1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip().strip('"')
        except UnicodeDecodeError:
            raise UsageError(f"{name}:{number} is not UTF-8. Nothing was changed.") from None
        if not text:
            continue
        before, colon, value = text.partition(":")
        if colon and value and (kind is None or before in types):
            yield number, Identifier(before, value)
        elif kind is not None:
            yield number, Identifier(kind, text)
        else:
            raise UsageError(
                f"{name}:{number} is not an identifier: write type:value, or say --type. Nothing was changed."
            )


def export_members(audiences: Audiences, audience: str, file: Path) -> int:
    """Write all members of a segment to a file: CSV, or what Arrow writes; how many there were.

    Raises:
        ConfigurationError: The extra `warehouse` is not installed, and the file is to be Arrow or Parquet.
        NotFoundError: There is no such segment.
        UsageError: Another kind of file.
    """
    if file.suffix == ".csv":
        many = 0
        with file.open("w", encoding="utf-8", newline="") as out:
            out.write(cells.csv_line(export.COLUMNS))
            for row in (row for page in export.pages(audiences, audience) for row in export.rows(page)):
                out.write(cells.csv_line(row, spreadsheet=True))
                many += 1
        return many
    if file.suffix not in {".parquet", ".arrow"}:
        raise UsageError("Members are exported to .csv, .parquet or .arrow files.")
    table = member_table(audiences, audience)
    if file.suffix == ".parquet":
        import pyarrow.parquet as pq  # noqa: PLC0415  only where the extra is

        pq.write_table(table, file)
    else:
        import pyarrow as pa  # noqa: PLC0415  as above

        with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    return int(table.num_rows)


def member_table(audiences: Audiences, audience: str) -> pa.Table:
    """All members of a segment, in order of their ids, as a table of Arrow.

    Raises:
        ConfigurationError: The extra `warehouse` is not installed.
        NotFoundError: There is no such segment.
    """
    require_extra()
    import pyarrow as pa  # noqa: PLC0415  only where the extra is

    rows = [row for page in export.pages(audiences, audience) for row in export.rows(page)]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(export.COLUMNS)
    return pa.table({n: pa.array(values, pa.string()) for n, values in zip(export.COLUMNS, columns, strict=True)})


@contextmanager
def project_segments(
    directory: Path, workspace: str | None, *, start: bool = False, progress: Progress = quiet
) -> Iterator[ProjectSegments]:
    """A project's segments for the block.

    Args:
        directory: The project.
        workspace: Which of its workspaces; None for the only one.
        start: Whether the workspace may be begun, and what waits be processed.
        progress: Told how many people are evaluated, and of how many.

    Raises:
        ConfigurationError: The project's files are wrong; the message tells file and line.
        NotFoundError: Nothing was processed yet, and this is no start.
    """
    project = config.read_project(directory)
    with ExitStack() as leaving:
        opened = open_workspace(project, choose(project, workspace), start=start)
        leaving.callback(opened.close)
        stages = declared_stages(project, opened)
        warehouse = warehouse_opener(opened, leaving)
        yield ProjectSegments(directory.resolve(), opened, project.segments, stages, warehouse, progress)


def save_segment(directory: Path, definition: Definition) -> Path:
    """Write a new segment to a file of its name; nothing is written unless the project is right with it.

    Raises:
        ConfigurationError: The segment cannot be used as it stands.
        UsageError: There is a segment of that name.
    """
    return directory / SegmentFiles(directory).save(definition, None).definition.file


def delete_segment(directory: Path, slug: str) -> Path:
    """Take a segment out of its file, and the file away if it holds no other.

    Raises:
        ConfigurationError: Another segment reads it; the message tells which, with file and line.
        UsageError: There is no such segment.
    """
    return directory / SegmentFiles(directory).delete(slug)
