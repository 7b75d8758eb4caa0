"""Wires adapters to stages; the only package that knows both."""

from onefold.bootstrap.collecting import CollectingOnly
from onefold.bootstrap.loading import Loaded, guess_mapping, load_file, rows_of
from onefold.bootstrap.project import checks, create_key, furnish, init, list_keys, revoke_key
from onefold.bootstrap.server import Opened
from onefold.bootstrap.upkeep import backup, rebuild, restore, since, verify, what_if
from onefold.bootstrap.workspace import (
    HERE,
    Workspace,
    catch_up,
    clock_us,
    opened,
    pending,
    reader,
    work_off,
)

__all__ = [
    "HERE",
    "CollectingOnly",
    "Loaded",
    "Opened",
    "Workspace",
    "backup",
    "catch_up",
    "checks",
    "clock_us",
    "create_key",
    "furnish",
    "guess_mapping",
    "init",
    "list_keys",
    "load_file",
    "opened",
    "pending",
    "reader",
    "rebuild",
    "restore",
    "revoke_key",
    "rows_of",
    "since",
    "verify",
    "what_if",
    "work_off",
]
