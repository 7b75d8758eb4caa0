"""Wires adapters to stages; the only package that knows both."""

from onefold.bootstrap.collecting import CollectingOnly
from onefold.bootstrap.forked import ForkedWorker
from onefold.bootstrap.judging import judge_ahead, judged_apart
from onefold.bootstrap.loading import AppendingError, Loaded, check_file, guess_mapping, load_apart, load_file, rows_of
from onefold.bootstrap.project import checks, create_key, furnish, init, list_keys, revoke_key
from onefold.bootstrap.server import Opened
from onefold.bootstrap.stores import address as store_address
from onefold.bootstrap.stores import migrate, with_store
from onefold.bootstrap.upkeep import backup, rebuild, restore, since, verify, what_if
from onefold.bootstrap.workers import supervise, work
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
    "AppendingError",
    "CollectingOnly",
    "ForkedWorker",
    "Loaded",
    "Opened",
    "Workspace",
    "backup",
    "catch_up",
    "check_file",
    "checks",
    "clock_us",
    "create_key",
    "furnish",
    "guess_mapping",
    "init",
    "judge_ahead",
    "judged_apart",
    "list_keys",
    "load_apart",
    "load_file",
    "migrate",
    "opened",
    "pending",
    "reader",
    "rebuild",
    "restore",
    "revoke_key",
    "rows_of",
    "since",
    "store_address",
    "supervise",
    "verify",
    "what_if",
    "with_store",
    "work",
    "work_off",
]
