"""The event log of a workspace, kept in what the project says."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from onefold import config
from onefold.adapters.sqlite.log import SqliteEventLog
from onefold.config import Project
from onefold.errors import ConfigurationError
from onefold.governance.encryption import EntrySealer, WorkspaceKeys
from onefold.ingest.partition import partition_key, partition_of
from onefold.model import LogEntry
from onefold.ports import EventLog

LOG = "log.db"


def open_log(project: Project, directory: Path, keys: WorkspaceKeys, entries: EntrySealer, *, change: bool) -> EventLog:
    """Open the log of the workspace in `directory`; `change` is whether it may be made, and converted to what is set now.

    Raises:
        ConfigurationError: The log's settings are wrong, or what they need is not installed.
        UnavailableError: The log cannot be reached.
    """
    if project.log.kind == "kafka":
        return _kafka(project, keys, entries, change=change)
    partition_of = _partitioner(keys, project.log.partitions)
    return SqliteEventLog(directory / LOG, entries, partition_of=partition_of, change=change)


def _partitioner(keys: WorkspaceKeys, partitions: int) -> Callable[[LogEntry], int] | None:
    """Which of several partitions an entry belongs to; None when there is one."""
    if partitions == 1:
        return None
    return lambda entry: partition_of(partition_key(entry, keys.hashing), partitions)


def _kafka(project: Project, keys: WorkspaceKeys, entries: EntrySealer, *, change: bool) -> EventLog:
    try:
        from onefold.adapters.kafka.log import KafkaEventLog  # noqa: PLC0415  the extra may not be installed
        from onefold.adapters.kafka.settings import KafkaSettings  # noqa: PLC0415  as above
    except ImportError:
        raise ConfigurationError('`log.kind: kafka` needs the extra `kafka`: pip install "onefold[kafka]"') from None
    said = project.log
    secrets = {name: config.secret_text(where, os.environ) for name, where in said.credentials.items()}
    settings = KafkaSettings(
        brokers=said.brokers, workspace=keys.name, prefix=said.prefix, partitions=said.partitions,
        replication=said.replication, min_insync=said.min_insync,
        # A request that cannot be taken apart is kept whole, unpacked; its seal and its envelope come on top.
        item_bytes=2 * project.server.max_request + 64 * 1024, options={**said.options, **secrets},
    )  # fmt: skip
    return KafkaEventLog(settings, entries, key=lambda entry: partition_key(entry, keys.hashing), change=change)
