"""Bugs of the kind this suite is for, to be planted before a schedule runs; each must be found."""

from __future__ import annotations

from collections.abc import Callable

from onefold.adapters.sqlite import connections
from onefold.adapters.sqlite.log import SqliteEventLog
from onefold.adapters.sqlite.occupancy import Occupancy
from onefold.bootstrap import registry
from onefold.pipelines.maintenance import agreement


def unlocked() -> None:
    """Nobody holds a lock on the files, and who has them open does not look whether they were replaced."""
    Occupancy._lock = lambda *_: True  # type: ignore[method-assign]
    connections.FileOnDisk.check = lambda _: None  # type: ignore[method-assign]


def hasty() -> None:
    """Whoever opens a log converts it, and appenders go on with what they knew of it."""
    Occupancy.try_alone = lambda _: True  # type: ignore[method-assign]
    Occupancy.share = lambda _, **__: None  # type: ignore[method-assign]
    SqliteEventLog._look = lambda log: log._partitioned  # type: ignore[method-assign]
    SqliteEventLog.unreachable = lambda _: 0  # type: ignore[method-assign]
    from onefold.adapters.sqlite import log_layout

    log_layout._NOWHERE = log_layout._NOWHERE.replace("ORDER BY", "AND false ORDER BY")


def gullible() -> None:
    """Any log is taken for the store's."""
    agreement.disagreements = lambda _: []  # type: ignore[assignment]


def forgetful() -> None:
    """Data that are gone are begun anew."""
    registry.begun = lambda _: {}  # type: ignore[assignment]


PLANTS: dict[str, Callable[[], None]] = {f.__name__: f for f in (unlocked, hasty, gullible, forgetful)}
