"""Servers with the bugs that the fault tests must find."""

from __future__ import annotations

import asyncio

import pytest
from tests.pipelines.breaking import breaking_fold

from onefold import cli
from onefold.adapters.sqlite.transaction import SqliteTransaction
from onefold.pipelines.stream import internal_errors
from onefold.serving.appender import Appender


def early(*_argv):
    """It answers before the commit, as fast products do."""
    durable = Appender.append

    def append(self, entries, size):
        loop = asyncio.get_running_loop()
        loop.call_later(0.05, durable, self, entries, size)
        answered = loop.create_future()
        answered.set_result(None)
        return answered

    Appender.append = append
    cli.main()


def twofold(*_argv):
    """It forgets which events it has seen, so what is sent again is counted again."""
    SqliteTransaction.claim = lambda _self, keys: [True] * len(keys)
    cli.main()


def breaking(*_argv):
    """Its fold breaks on events named `Break`, as a release might that nobody tested enough."""
    breaking_fold(pytest.MonkeyPatch())
    cli.main()


def stalling(*_argv):
    """So does this one's; and it lacks the isolation that sets such events aside, so it tries them for ever."""
    internal_errors.is_ours = lambda _error: False
    breaking()
