"""Log and store are the right ones for each other, or it is said: whatever was copied and put back in between."""

import os
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import workbench

from onefold.adapters.sqlite.log import SqliteEventLog
from onefold.adapters.sqlite.store import SqliteProfileStore
from onefold.errors import ConfigurationError
from onefold.governance.encryption import EntrySealer
from onefold.model import WorkspaceIdentity, fingerprint
from onefold.pipelines.maintenance import agreement
from onefold.pipelines.stream import process
from onefold.ports import Changes

SEALER = EntrySealer(workbench.KEYS, os.urandom)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 40)),
        st.tuples(st.just("process"), st.integers(1, 30)),
        st.tuples(st.just("copy"), st.just(0)),
        st.tuples(st.sampled_from(["put back the log", "put back the store"]), st.integers(0, 5)),
    ),
    min_size=3, max_size=14,
)  # fmt: skip


class World:
    """Two files, copies of them, and for each the entries it holds or has processed."""

    def __init__(self, directory):
        self.directory = directory
        self.copies = []
        self.number = 0
        self.held, self.processed = [], []

    def open(self):
        log = SqliteEventLog(self.directory / "log.db", SEALER)
        return log, workbench.context(log=log, store=SqliteProfileStore(self.directory / "profiles.db", SEALER))

    def do(self, what, size):
        if what == "copy":
            to = self.directory / f"copy{len(self.copies)}"
            to.mkdir()
            for name in ("log.db", "profiles.db"):
                shutil.copy(self.directory / name, to / name)
            self.copies.append((to, list(self.held), list(self.processed)))
        elif what.startswith("put"):
            if not self.copies:
                return
            source, held, processed = self.copies[size % len(self.copies)]
            name = "log.db" if what.endswith("log") else "profiles.db"
            shutil.copy(source / name, self.directory / name)
            if name == "log.db":
                self.held = list(held)
            else:
                self.processed = list(processed)
        else:
            log, context = self.open()
            if what == "append":
                new = list(range(self.number, self.number + size))
                self.number += size
                log.append([workbench.entry({"userId": "u", "type": "track", "event": "e"}, index=n) for n in new])
                self.held += new
            elif self.agree():
                process.advance(context, batch=size)
                with context.store.snapshot() as snapshot:
                    self.processed = self.held[: snapshot.offsets().get(0, 0)]
            log.close()
            context.store.close()

    def agree(self):
        return self.held[: len(self.processed)] == self.processed


def disagreed(steps, directory, check=agreement.disagreements):
    """After each step, what the product says, and whether that is so."""
    world = World(directory)
    log, context = world.open()
    log.close()
    context.store.close()
    for what, size in steps:
        world.do(what, size)
        log, context = world.open()
        told = check(context)
        log.close()
        context.store.close()
        yield told, world.agree()


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_a_log_and_a_store_that_do_not_belong_together_are_told_and_no_others(tmp_path_factory, steps):
    """The oracle knows every entry that the log holds and the store has processed: one must be the beginning of the other."""
    for told, agree in disagreed(steps, tmp_path_factory.mktemp("world")):
        assert (told == []) == agree


def test_the_control_that_compares_offsets_alone_misses_a_log_that_has_grown_since(tmp_path):
    """An older log put back, and as much appended as it lacks: only the entry itself tells."""
    steps = [("append", 5), ("copy", 0), ("append", 5), ("process", 30), ("put back the log", 0), ("append", 10)]

    def by_offsets(context):
        with context.store.snapshot() as snapshot:
            return [p for p, offset in snapshot.offsets().items() if offset > context.log.ends()[p]]

    assert any(told == [] and not agree for told, agree in disagreed(steps, tmp_path, by_offsets))


def test_a_store_of_another_workspace_is_refused():
    """Whatever its offsets; it says whose each is."""
    context = workbench.context()
    context.log.claim(WorkspaceIdentity("a" * 32, "1" * 32))
    with context.store.transaction() as transaction:
        transaction.write(Changes(offsets={}, identity=WorkspaceIdentity("b" * 32, "2" * 32)))
    with pytest.raises(ConfigurationError, match="to the workspace bbbbbbbb, and the log is the workspace aaaaaaaa"):
        agreement.require(context)


def test_a_fingerprint_says_nothing_of_what_was_sent():
    """Two entries that differ in their bodies alone have one; such entries came in one request, at one index, never twice."""
    one, other = (workbench.entry({"email": text}) for text in ("ann@example.org", "bob@example.org"))
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(one) != fingerprint(workbench.entry({"email": "ann@example.org"}, index=1))
