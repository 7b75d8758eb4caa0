"""Relays: what a process that processes a workspace also tells the outside, where its log is of that kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from onefold.bootstrap.workspace import Workspace
from onefold.config import Project


@contextmanager
def relaying(project: Project, workspace: Workspace, leads: Callable[[], bool]) -> Iterator[None]:
    """Tell the cluster, while the block lasts and `leads` says that it is ours to do, what the store has committed."""
    if project.log.kind != "kafka":
        yield
        return
    from onefold.adapters.kafka.log import KafkaEventLog  # noqa: PLC0415  the extra is there: the log was opened
    from onefold.adapters.kafka.relay import Relay  # noqa: PLC0415  as above

    log = workspace.context.log
    if not isinstance(log, KafkaEventLog):
        raise TypeError(f"the log of {workspace.context.name} is not the one the project names")
    relay = Relay(log, workspace.context.store, workspace.entries, leads=leads)
    relay.start()
    try:
        yield
    finally:
        relay.stop()
