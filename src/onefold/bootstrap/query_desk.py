"""The query desk: where a server takes queries to a workspace's warehouse, a few at a time, each in a process of its own."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from onefold.bootstrap.asking import Asker
from onefold.bootstrap.readers import Readers
from onefold.bootstrap.warehousing import require_extra, warehouse_of
from onefold.bootstrap.workspace import Workspace
from onefold.errors import ConfigurationError, OverloadedError, UnavailableError
from onefold.ports.warehouse import Cancellation, QueryLimits
from onefold.warehouse.masking import Role

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa

    from onefold.adapters.duckdb.query_client import QueryProcess

AT_ONCE = 2
"""Queries that run at once for a workspace; more are told to come again."""
_RETRY_SECONDS = 2.0

_log = logging.getLogger("onefold.queries")
T = TypeVar("T")


class QueryDesk:
    """Takes queries to one workspace's warehouse. Safe for threads."""

    def __init__(self, workspace: Workspace, readers: Readers) -> None:
        """A desk for an open workspace and those who read it; no process is begun before the first query."""
        self._workspace = workspace
        self._readers = readers
        self._free: queue.SimpleQueue[QueryProcess | None] = queue.SimpleQueue()
        for _ in range(AT_ONCE):
            self._free.put(None)

    def ask(
        self, text: str, limits: QueryLimits, *, limit: int, role: str | Role | None, cancellation: Cancellation
    ) -> pa.Table:
        """The rows of a query, `limit` at most, as a role sees them: one of the project, by its name, or a role itself.

        Raises:
            ExpensiveError: It took more than the limits allow, and was ended.
            OverloadedError: Too many queries run.
            UnavailableError: There is no warehouse here, or its models or roles cannot be read, or the query was cancelled.
            UsageError: It cannot be run as stated, or not by this role; or there is no such role.
        """
        return self.using(lambda asker: asker.ask(text, limits, limit=limit), role, cancellation)

    def using(
        self, work: Callable[[Asker], T], role: str | Role | None = None, cancellation: Cancellation | None = None
    ) -> T:
        """What `work` makes of the warehouse as a role sees it, in one of the processes that are free.

        Raises:
            OverloadedError: Too many queries run.
            UnavailableError: There is no warehouse here, or its models or roles cannot be read, or it was cancelled.
            UsageError: There is no such role.
        """
        cancellation = cancellation or Cancellation()
        try:
            require_extra()
        except ConfigurationError as error:
            raise UnavailableError(f"This server has no warehouse: {error}.") from None
        from onefold.adapters.duckdb.query_client import QueryProcess  # noqa: PLC0415  only where the extra is

        try:
            process = self._free.get_nowait() or QueryProcess()
        except queue.Empty:
            raise OverloadedError(
                f"{AT_ONCE} queries run already; ask again.", retry_after_seconds=_RETRY_SECONDS
            ) from None
        try:
            with cancellation.ending(process.cancel):
                warehouse = warehouse_of(self._workspace, process)
                try:
                    seen = self._readers.warehouse(warehouse, role)
                except ConfigurationError as error:  # somebody is at work on the files
                    _log.warning("the project's models or roles cannot be read", extra={"error": str(error)})
                    raise UnavailableError(
                        "The project's models or roles cannot be read; see the server's log."
                    ) from None
                return work(Asker(seen, self._workspace.context.store))
        finally:
            if cancellation.cancelled:
                process.close()  # nobody else's query may meet a process that is being ended
            self._free.put(process)

    def close(self) -> None:
        """End the processes that do not run a query now; the others end with theirs."""
        while True:
            try:
                process = self._free.get_nowait()
            except queue.Empty:
                return
            if process is not None:
                process.close()
