"""Copies of the warehouse in PostgreSQL: the contract of copies, and that whoever is killed leaves them as they were."""

import multiprocessing
import os
import signal

import msgspec
import pytest
from tests import engines
from tests.contracts.copies import Copies, filled
from tests.engines import WORKSPACE, contents, copy, postgres_engine

from onefold.adapters.duckdb.changes import pinned
from onefold.adapters.postgres.engine import PostgresEngine
from onefold.bootstrap.engines import load
from onefold.ports.engine import Step


class TestCopies(Copies):
    """PostgreSQL's."""


class MarkFirst(PostgresEngine):
    """Broken: the mark has a transaction of its own, and each part has."""

    def load(self, step: Step) -> None:
        super().load(msgspec.structs.replace(step, parts=()))
        for part in step.parts:
            super().load(msgspec.structs.replace(step, parts=[part], before=step.until))


def killed_at(yard, kind, prefix, point):
    """Load in a process that is killed as it takes its `point`-th part; whether it was."""

    def child():
        engine, taken = kind(engines.address(engines.OWNER), None, prefix=prefix), 0

        def deadly(parts):
            nonlocal taken
            for part in parts:
                if taken == point:
                    os.kill(os.getpid(), signal.SIGKILL)
                taken += 1
                yield part

        load_step = engine.load
        engine.load = lambda step: load_step(msgspec.structs.replace(step, parts=deadly(step.parts)))
        with pinned(yard.context.store, yard.files) as segments:
            load(engine, segments, "copy", WORKSPACE)
        os._exit(0)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(60)
    if process.exitcode is None:  # at a lock that another thread held as it was forked; this is a kill, too
        process.kill()
        process.join()
    return process.exitcode == -signal.SIGKILL


def exact_after_kills(yard, kind, queries):
    """Kill a load at each part it takes, one kill after the other, and look at the copy each time."""
    engine = postgres_engine(queries)
    try:
        point = 0
        while killed_at(yard, kind, engine.prefix, point):
            held = engine.state()
            with pinned(yard.context.store, yard.files) as segments:
                ends = {0} | {step.until for step in segments.steps(0)}
                assert held.sequence in ends
                assert segments.continues(held)
            point = (point + 1) % 3  # parts that were taken stay, so the next is not far
            if held.sequence == max(ends):
                break
            if point == 0:
                copy_one_step(yard, engine)
        copy(yard, engine)
        assert contents(engine) == contents(yard.warehouse)
    finally:
        engine.close()


def copy_one_step(yard, engine):
    with pinned(yard.context.store, yard.files) as segments:
        engine.load(next(iter(segments.steps(engine.state().sequence))))


def test_killed_at_any_part_a_copy_is_as_it_was_after_some_step(yard, queries):
    """Kill -9 in the midst of a step leaves what was before it; the next load makes the copy whole."""
    filled(yard, 4)
    exact_after_kills(yard, PostgresEngine, queries)


def test_an_engine_that_commits_its_mark_on_its_own_is_caught(yard, queries):
    """The test of kills is red for a broken engine, so green means something."""
    filled(yard, 4)
    with pytest.raises(AssertionError):
        exact_after_kills(yard, MarkFirst, queries)
