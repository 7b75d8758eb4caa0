"""A project's models: read, bound to the relations there are, built in its warehouse; lineage and classes of its columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from onefold import config
from onefold.bootstrap.promoting import promoted_by
from onefold.bootstrap.warehousing import open_warehouse
from onefold.config.dimensions import read_calendar, read_privacy
from onefold.config.models import read_models
from onefold.config.project import PROJECT_FILE
from onefold.model import Relation
from onefold.pipelines.batch import models as batch
from onefold.ports.warehouse import Warehouse
from onefold.rfm import relations as rfm
from onefold.rules import Aggregate
from onefold.warehouse import calendar, classify, query, traits, views
from onefold.warehouse.calendar import Calendar
from onefold.warehouse.models import increment
from onefold.warehouse.models.binding import BoundModels, bind
from onefold.warehouse.promoted import chosen, extended
from onefold.warehouse.relations import EVENT

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa

SAMPLE_ROWS = 20_000
"""Of how many events, the latest, values are looked at for a guess."""

_RELATIONS = (*views.RELATIONS.values(), calendar.DIM_DATE, calendar.CAMPAIGN, batch.RUNS, *rfm.RELATIONS)


def project_models(directory: Path) -> BoundModels:
    """The models of a project, bound to the relations that every project has.

    Raises:
        ConfigurationError: With everything that is wrong with them, or with what the project says of personal data.
    """
    classes = read_privacy(directory).classes
    bound = bind(read_models(directory), _relations(directory), classes)
    increment.plans(bound, increment.TRACKED)
    return bound


def project_traits(directory: Path) -> dict[str, Aggregate]:
    """The computed traits of a project that SQL can state, by name.

    Raises:
        ConfigurationError: With everything that is wrong with the project.
    """
    if not (directory / PROJECT_FILE).is_file():
        return {}
    return traits.sayable({trait.name: trait.aggregate for trait in config.read_project(directory).traits})


def _relations(directory: Path) -> Iterator[Relation]:
    """What models can read, with the columns of properties that the project names."""
    named = (directory / PROJECT_FILE).is_file()
    promoted = chosen(config.read_project(directory).promoted if named else {}, ())
    for relation in _RELATIONS:
        yield extended(relation, promoted) if relation in {views.ENGAGEMENT_EVENT, EVENT} else relation


def run_models(
    directory: Path,
    workspace: str | None,
    wanted: Iterable[str],
    *,
    whole: bool = False,
    starting: Callable[[str], None] = lambda _name: None,
) -> Iterator[batch.Run]:
    """Build models in a project's warehouse; yields how each was built, as soon as it is.

    Raises:
        ConfigurationError: A model is wrong, or the extra is not installed.
        UsageError: A selection means no model.
    """
    selections = list(wanted)
    bound = project_models(directory)
    bound.select(selections)  # a typing error is told before anything is opened
    promoted = promoted_by(config.read_project(directory), bound)
    with open_warehouse(directory, workspace, load=True, promoted=promoted) as warehouse:
        yield from build_models(directory, warehouse, selections, whole=whole, starting=starting)


def build_models(
    directory: Path,
    warehouse: Warehouse,
    wanted: Sequence[str],
    *,
    whole: bool = False,
    starting: Callable[[str], None] = lambda _name: None,
) -> Iterator[batch.Run]:
    """The same in a warehouse that is open."""
    yield from batch.run(
        warehouse,
        project_models(directory),
        wanted,
        tracked=increment.TRACKED,
        moment=datetime.now(UTC),
        seeds=_seeds(read_calendar(directory)),
        whole=whole,
        starting=starting,
    )


def classified(directory: Path, workspace: str | None) -> Iterator[tuple[str, str, str | None, classify.Guess]]:
    """Each attribute and property of the latest events: where (`attributes`, `properties`), name, class, and the guess.

    The class is what the project says; None where it says nothing.
    """
    privacy = read_privacy(directory)
    asked = query.parse(
        f"SELECT traits, properties FROM staging.event ORDER BY sequence DESC LIMIT {SAMPLE_ROWS}"  # noqa: S608  our number
    )
    with open_warehouse(directory, workspace) as warehouse:
        rows = warehouse.run(asked).to_pylist()
    for column, where in (("traits", "attributes"), ("properties", "properties")):
        documents: Iterable[Mapping[str, Any]] = (msgspec.json.decode(row[column]) for row in rows if row[column])
        for name, values in classify.members(documents):
            said = privacy.classes.get(("staging.event", f"{column}.{name}"))
            yield where, name, said, classify.guess(name, values)


def _seeds(stated: Calendar) -> list[batch.Seed]:
    content = msgspec.json.encode(stated).decode()
    return [
        batch.Seed(calendar.DIM_DATE, content, lambda: _table(calendar.DIM_DATE, calendar.days(stated))),
        batch.Seed(calendar.CAMPAIGN, content, lambda: _table(calendar.CAMPAIGN, calendar.campaigns(stated))),
    ]


def _table(relation: Relation, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415  only where the extra is

    kinds = {
        "integer": pa.int32(), "date": pa.date32(), "boolean": pa.bool_(), "decimal": pa.string(), "text": pa.string(),
    }  # fmt: skip
    found = list(rows)
    schema = pa.schema([(column.name, kinds[column.type]) for column in relation.columns])
    return pa.Table.from_pylist(found, schema=schema)
