"""The edge: what collecting needs of a workspace. What is asked of one beyond that, `pipelines.service` answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from onefold.ports import EventLog


class Edge(Protocol):
    """One workspace at a server's edge. Any method may be called from any thread."""

    @property
    def name(self) -> str:
        """The workspace's name, as keys state it."""
        ...

    @property
    def log(self) -> EventLog:
        """Where received items go."""
        ...

    def start(self) -> None:
        """Begin processing the log, where that is this server's to see to."""
        ...

    def stop(self) -> None:
        """Finish the batch under way, then end. The stores stay open: whoever opened them closes them."""
        ...

    def ready(self) -> Mapping[str, str | None]:
        """Checks by name: None when it passes, else what is wrong, in a sentence without personal data."""
        ...
