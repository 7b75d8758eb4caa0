"""Onefold for Python programs: a project's handle, and the rows that a query gives.

import onefold

with onefold.open("my-project") as project:
people = project.sql("SELECT stage, count(*) AS people FROM golden.profile GROUP BY stage")
frame = people.polars()
"""

from __future__ import annotations

import html
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from rich.console import Console

from onefold import bootstrap
from onefold.charts import GridCell
from onefold.errors import ConfigurationError, NotFoundError, UsageError, nearest
from onefold.model import Identifier, results
from onefold.pipelines.audiences.service import Audiences
from onefold.ports.warehouse import QueryLimits
from onefold.warehouse import cells, question

if TYPE_CHECKING:  # installed by who wants them
    import pandas as pd
    import polars as pl
    import pyarrow as pa

_SHOWN_ROWS = 10
_WIDTH = 120


class Rows:
    """The rows of a query, in memory. Money is `Decimal`; times are UTC, in microseconds, without a zone.

    Iterate over it for dictionaries by column name.
    """

    def __init__(self, table: pa.Table) -> None:
        """Rows as Arrow has them."""
        self._table = table

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        names = cells.distinct(self._table.column_names)
        for row in cells.rows(self._table):
            yield dict(zip(names, row, strict=True))

    def __repr__(self) -> str:
        from onefold.cli import rows  # noqa: PLC0415  a program need not load the command line

        out = io.StringIO()
        first = list(cells.rows(self._table.slice(0, _SHOWN_ROWS)))
        rows.show(Console(file=out, width=_WIDTH, color_system=None), self._table.column_names, first)
        return f"{out.getvalue()}{self._told()}"

    def _repr_html_(self) -> str:
        """For notebooks."""
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self._table.column_names)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cells.text(value))}</td>" for value in row) + "</tr>"
            for row in cells.rows(self._table.slice(0, _SHOWN_ROWS))
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{self._told()}</p>"

    def _told(self) -> str:
        more = f", the first {_SHOWN_ROWS} of them shown" if len(self) > _SHOWN_ROWS else ""
        return f"{len(self):,} row{'' if len(self) == 1 else 's'}{more}"

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in order."""
        return list(self._table.column_names)

    def arrow(self) -> pa.Table:
        """As a table of Arrow."""
        return self._table

    def polars(self) -> pl.DataFrame:
        """As a frame of Polars.

        Raises:
            ConfigurationError: Polars is not installed.
        """
        frame: pl.DataFrame = _library("polars").from_arrow(self._named())
        return frame

    def pandas(self) -> pd.DataFrame:
        """As a frame of pandas; decimals stay `Decimal`.

        Raises:
            ConfigurationError: pandas is not installed.
        """
        _library("pandas")
        return self._named().to_pandas()

    def _named(self) -> pa.Table:
        return self._table.rename_columns(cells.distinct(self._table.column_names))


class RfmAnalysis:
    """One RFM definition: what its runs found."""

    def __init__(self, project: Project, runs: Sequence[results.RfmRun]) -> None:
        """The runs, the latest moment first; at least one."""
        self._project = project
        self._runs = runs

    def __repr__(self) -> str:
        latest = self._runs[0]
        return f"<RfmAnalysis({latest.rfm!r}, as of {latest.as_of[:10]}, {latest.people:,} people)>"

    def runs(self) -> list[results.RfmRun]:
        """The runs, the latest moment first: numbers of people by segment and by scores, and cut points."""
        return list(self._runs)

    def grid(self) -> list[GridCell]:
        """The latest run by recency and by the mean of frequency and money: 25 squares."""
        return bootstrap.rfm_grid(self._runs[0])

    def people(self, segment: str | None = None, *, limit: int | None = None) -> Rows:
        """People with their scores by the latest run, the most valuable first; of one segment, if given.

        Raises:
            NotFoundError: Nobody is in a segment of that name.
        """
        return Rows(bootstrap.rfm_people(self._project._asking(), self._runs[0], segment, limit=limit))  # noqa: SLF001  of this module


class ComputedTrait:
    """A computed trait of a project."""

    def __init__(self, desk: bootstrap.TraitDesk, definition: results.TraitDefinition) -> None:
        """A trait of what a desk works out."""
        self._desk = desk
        self.definition = definition

    def __repr__(self) -> str:
        return f"<ComputedTrait {self.definition.name}: {self.definition.means}>"

    def values(self, *, as_of: datetime | None = None, by: Literal["event", "knowledge"] = "event") -> Rows:
        """A row a person who has events that it is about: `id`, and the value under the trait's name.

        Args:
            as_of: As of that moment; without a zone, UTC. Now when left out.
            by: By what had happened by then, or by what was known here (`knowledge`).
        """
        moment = None if as_of is None else question.moment_at(as_of, by_event=by == "event")
        return Rows(self._desk.values([self.definition.name], moment=moment))


class Traits:
    """The computed traits of a project, by name."""

    def __init__(self, desk: bootstrap.TraitDesk) -> None:
        """Those that a desk knows."""
        self._desk = desk
        self._found = {one.name: ComputedTrait(desk, one) for one in desk.definitions()}

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[ComputedTrait]:
        return iter(self._found.values())

    def __getitem__(self, name: str) -> ComputedTrait:
        if name not in self._found:
            raise NotFoundError(f"There is no trait `{name}`{nearest(name, self._found) or '.'}")
        return self._found[name]

    def __repr__(self) -> str:
        return f"<Traits {', '.join(self._found)}>"

    def values(self, *, as_of: datetime | None = None, by: Literal["event", "knowledge"] = "event") -> Rows:
        """The same with a column for each trait."""
        moment = None if as_of is None else question.moment_at(as_of, by_event=by == "event")
        return Rows(self._desk.values(moment=moment))


class Project:
    """A project, open for reading, beside a running server or without one. Close it, or use it as a context manager."""

    def __init__(self, directory: Path, workspace: str | None, role: str | None = None) -> None:
        """Read the project; the warehouse is opened with the first question to it.

        Raises:
            ConfigurationError: The project cannot be read.
            NotFoundError: Nothing was processed yet.
            UsageError: It has several workspaces and none was named, or none of that name.
        """
        self._directory, self._workspace, self._role = directory, workspace, role
        self._held = ExitStack()
        self._service = self._held.enter_context(bootstrap.reader(directory, workspace))
        self._asker: bootstrap.Asker | None = None
        self._traits: Traits | None = None
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Project({str(self._directory)!r}{', closed' if self._closed else ''})>"

    def close(self) -> None:
        """Let go of files and processes."""
        self._closed = True
        self._held.close()

    def sql(
        self,
        text: str,
        *,
        limit: int | None = None,
        as_of: datetime | None = None,
        by: Literal["event", "knowledge"] = "knowledge",
        seconds: float = 60.0,
        memory_mb: int = 1024,
        result_mb: int = 256,
    ) -> Rows:
        """The rows of a query in DuckDB's SQL. It reads relations of the warehouse and nothing else; Ctrl-C cancels it.

        Args:
            text: One query.
            limit: Most rows.
            as_of: As it was at that moment; without a zone, UTC.
            by: By what was known here by then, or by what had happened (`event`).
            seconds: After which it is ended.
            memory_mb: Memory that it may take.
            result_mb: How large its rows may be, together.

        Raises:
            ConfigurationError: The extra `warehouse` is not installed.
            ExpensiveError: It took more than that, and was ended.
            UsageError: It cannot be run as stated; the message tells the place and the nearest name.
        """
        limits = QueryLimits(seconds=seconds, memory_mb=memory_mb, result_mb=result_mb)
        moment = None if as_of is None else question.moment_at(as_of, by_event=by == "event")
        return Rows(self._asking().ask(text, limits, limit=limit, moment=moment))

    def tables(self, schema: str | None = None) -> list[bootstrap.RelationFacts]:
        """The relations of the warehouse with their columns, rows, bytes and freshness; of one schema, if given."""
        return self._asking().tables(schema)

    @property
    def traits(self) -> Traits:
        """The computed traits: iterate over them, or ask one, such as `project.traits["gifts_12m"].values()`."""
        self._require_open()
        if self._traits is None:
            self._traits = Traits(self._held.enter_context(bootstrap.trait_desk(self._directory, self._workspace)))
        return self._traits

    def profile(self, who: str) -> results.Profile:
        """The profile behind `email:ann@example.org`, or behind a profile id.

        Raises:
            NotFoundError: There is none.
        """
        return self._service.profile(self._named(who))

    def links(self, who: str, use: str | None = None) -> results.PersonLinks:
        """The identifiers of a person, as they are or by the threshold of a use that `project.uses` names.

        Raises:
            NotFoundError: There is nobody of that identifier.
            UsageError: There is no such use.
        """
        return self._service.uses.links(self._named(who), use)

    @property
    def uses(self) -> dict[str, float]:
        """The thresholds of uses that have one of their own, by name."""
        self._require_open()
        return {use.name: use.join_from for use in self._service.uses.named().uses}

    def uses_of(self, a: str, b: str) -> results.PairUses:
        """Whether two identifiers are one person, as people are and by the threshold of each use.

        Raises:
            NotFoundError: One of them was never seen.
        """
        return self._service.uses.pair(self._named(a), self._named(b))

    @property
    def rfm(self) -> dict[str, RfmAnalysis]:
        """RFM definitions that ran, by name; `onefold rfm run` runs them."""
        self._require_open()
        found = bootstrap.rfm_runs(self._directory, self._workspace)
        return {name: RfmAnalysis(self, runs) for name, runs in found.items()}

    @property
    def segments(self) -> Segments:
        """The project's segments, by slug: `project.segments["lapsed_buyers"].members()`."""
        self._require_open()
        return Segments(self)

    @property
    def audiences(self) -> Audiences:
        """What may be asked of them.

        Raises:
            UsageError: The project was closed.
        """
        self._require_open()
        return self._service.audiences

    def _asking(self) -> bootstrap.Asker:
        self._require_open()
        if self._asker is None:
            self._asker = self._held.enter_context(bootstrap.asking(self._directory, self._workspace, role=self._role))
        return self._asker

    def _named(self, who: str) -> Identifier:
        """Whom somebody names; the project has to be open."""
        from onefold.cli.options import identifier  # noqa: PLC0415  a program need not load the command line

        self._require_open()
        return identifier(who)

    def _require_open(self) -> None:
        if self._closed:
            raise UsageError("This project was closed; open it again.")


class Segment:
    """One segment of a project."""

    def __init__(self, project: Project, slug: str) -> None:
        self._project = project
        self.slug = slug

    def __repr__(self) -> str:
        return f"<Segment({self.slug!r})>"

    @property
    def info(self) -> results.Segment:
        """What it is, and how many people are in it."""
        return self._project.audiences.segment(self.slug)

    def members(self) -> Rows:
        """Who is in it: profile id, strongest identifier, since when and what made the difference.

        Raises:
            ConfigurationError: The extra `warehouse` is not installed.
        """
        return Rows(bootstrap.member_table(self._project.audiences, self.slug))

    def why(self, who: str) -> results.Standing:
        """Whether `email:ann@example.org`, or who has a profile id, is in it, why, until when, and what would end it.

        Raises:
            NotFoundError: There is nobody of that identifier.
        """
        return self._project.audiences.standing(self.slug, self._project._named(who))  # noqa: SLF001  of this module


class Segments(Mapping[str, Segment]):
    """The segments that were applied to a project, by slug; `stage.NAME` is a lifecycle stage."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def __getitem__(self, slug: str) -> Segment:
        if slug not in self._slugs():
            raise KeyError(slug)
        return Segment(self._project, slug)

    def __iter__(self) -> Iterator[str]:
        return iter(self._slugs())

    def __len__(self) -> int:
        return len(self._slugs())

    def __repr__(self) -> str:
        return f"<Segments({', '.join(self)})>"

    def _slugs(self) -> list[str]:
        found = self._project.audiences.segments()
        return [*(segment.slug for segment in found.segments), *(f"stage.{name}" for name in found.stages)]


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise ConfigurationError(f"{name} is not installed: pip install {name}") from None
