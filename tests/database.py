"""Workspaces on a real PostgreSQL server for tests."""

from __future__ import annotations

import itertools
import os

from bench.postgres import OWNER, WORKER, address, server

from onefold.adapters.postgres import migrations
from onefold.adapters.postgres.connections import schema_of
from onefold.adapters.postgres.store import PostgresProfileStore
from onefold.governance.encryption import EntrySealer, WorkspaceKeys

__all__ = ["OWNER", "SEALER", "WORKER", "address", "server", "store", "workspace"]

SEALER = EntrySealer(WorkspaceKeys("w", b"h" * 32, b"w" * 32, bytes(range(32))), os.urandom)
_numbers = itertools.count()


def workspace() -> str:
    """A new workspace, with its tables, and what the worker's role needs granted."""
    name = f"w{next(_numbers)}"
    migrations.migrate(address(OWNER), schema_of(name), role=WORKER)
    return name


def store(name: str | None = None) -> PostgresProfileStore:
    """A store as a worker opens it, on a new workspace unless one is named."""
    return PostgresProfileStore(address(WORKER), name or workspace(), SEALER)
