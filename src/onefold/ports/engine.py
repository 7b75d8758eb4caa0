"""The port of the customer's own engines: databases that hold a copy of the warehouse, and are asked the same queries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

import msgspec

from onefold.model import NodeId, Relation
from onefold.ports.warehouse import Warehouse

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa


class Erasable(Protocol):
    """What holds rows about people, and can be rid of them."""

    def erase(self, nodes: Collection[NodeId]) -> int:
        """Remove all rows that concern these nodes, durably; how many there were. Again it removes none.

        Events of other people that only name one of them stay, without what they state and without its name.
        """
        ...

    def count(self, nodes: Collection[NodeId]) -> int:
        """How many rows concern these nodes."""
        ...


class EngineState(msgspec.Struct, frozen=True):
    """What an engine holds.

    Attributes:
        workspace: Id of the workspace whose copy it is.
        sequence: Up to which sequence it has the change logs.
        latest: Sequence and time of commit (microseconds) of the last row it has of any of them; None where it has none.
            By them a history that was made anew is told from the one that was loaded.
        tables: For each relation that is no log, the segment files that its rows are from.
    """

    workspace: str
    sequence: int
    latest: tuple[int, int] | None
    tables: Mapping[str, Collection[str]]


class Step(msgspec.Struct, frozen=True):
    """Rows that an engine takes in at once, all or none.

    Attributes:
        before: Up to which sequence the engine has the logs before it; 0 empties them first.
        until: Up to which it has them afterwards.
        parts: Rows of logs, relation by relation, a part at a time.
    """

    before: int
    until: int
    parts: Iterable[tuple[Relation, pa.Table]]


class Engine(Warehouse, Erasable, Protocol):
    """An engine that holds a copy of one workspace's warehouse."""

    def prepare(self, workspace: str) -> None:
        """Make schemas, relations and views that are missing, and add columns that are. Again it changes nothing.

        Raises:
            ConfigurationError: It holds another workspace, or the role may not.
        """
        ...

    def state(self) -> EngineState | None:
        """What it holds; None before it was prepared."""
        ...

    def load(self, step: Step) -> None:
        """Take in the rows of a step, all or none. Killed in the midst of it, the engine is as it was.

        Raises:
            ConflictError: It is not at `step.before`; somebody else loads it, too. Nothing was changed.
        """
        ...

    def put(self, relation: Relation, rows: Iterable[pa.Table], files: Collection[str]) -> None:
        """Put rows in the place of all that a relation had, and remember the files that they are from."""
        ...

    def trim(self, log: Relation, gone: pa.Table, anew: Iterable[pa.Table]) -> None:
        """Remove rows of a log, and put others in the place of theirs. Again it changes nothing.

        Rows are told apart by `warehouse.relations.row_key`. Killed in the midst of it, an engine without transactions may
        lack rows of `anew` until it is done again.

        Args:
            log: Which one.
            gone: Keys of the rows to remove.
            anew: Whole rows, a part at a time; those of the same key go.

        Raises:
            ConflictError: Somebody else loads it, too.
        """
        ...

    def compact(self) -> None:
        """Rewrite what rows were deleted from, so that they are in no file of the engine's tables any more."""
        ...
