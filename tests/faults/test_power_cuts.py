"""Power cuts over the whole spine: log and store on one disk, appended to, processed and committed, and found torn.

At random writes and syncs, of either file, the disk is copied as a cut would leave it. Each copy is opened, caught up
and held against what had been acknowledged by then.
"""

import os
import shutil
import time

import apsw
import pytest
from tests import workbench
from tests.faults import figures, ledger, spine
from tests.faults.disk import disk
from tests.faults.scale import RELEASE, scaled

from onefold.adapters.sqlite.log import SqliteEventLog
from onefold.adapters.sqlite.store import SqliteProfileStore
from onefold.errors import OnefoldError
from onefold.governance.encryption import EntrySealer
from onefold.pipelines.maintenance import rebuild
from onefold.pipelines.stream import quarantine

pytestmark = [pytest.mark.xdist_group("cuts"), pytest.mark.timeout(7200 if RELEASE else 280)]
SEALER = EntrySealer(workbench.KEYS, os.urandom)
BATCHES = 25
CUTS = 50
"""A run, on disks that begin empty: so many batches, and so many cuts among them."""


def entries(number):
    return [
        workbench.entry(body, index=index, received_at_us=workbench.NOW_US + number)
        for index, body in enumerate(spine.batch_from(number))
    ]


def ids(batches):
    events = [event for number in range(batches) for event in spine.batch_from(number)]
    return [e["messageId"] for e in events if e["type"] == "identify" or e["event"]]


def run(folder, seed, synchronous):
    """Work under power cuts; each cut's files, and the batches acknowledged and processed by then."""
    done, cuts = [0, 0], []
    for made in (SqliteEventLog, SqliteProfileStore):
        made(folder / _name(made), SEALER).close()
    with disk(seed) as under:

        def perhaps_cut():
            if len(cuts) < CUTS and under.random.random() < 0.12:
                into = folder / f"cut{len(cuts)}"
                under.cut(into)
                cuts.append((into, *done))

        log = SqliteEventLog(folder / _name(SqliteEventLog), SEALER)
        store = SqliteProfileStore(folder / _name(SqliteProfileStore), SEALER)
        for connection in (log._writer, store._writer):
            connection.pragma("synchronous", synchronous)
            connection.pragma("wal_autocheckpoint", under.random.choice((8, 20, 60)))  # where a missing sync harms most
        under.on_write = perhaps_cut
        context = workbench.context(log=log, store=store)
        for number in range(BATCHES):
            log.append(entries(number))
            done[0] = number + 1
            if under.random.random() < 0.8:
                quarantine.advance(context)
                done[1] = number + 1
        under.on_write = lambda: None
        log.close()
        store.close()
    return cuts


def _name(made):
    return "log.db" if made is SqliteEventLog else "profiles.db"


def wrong_with(found, acknowledged, processed):
    """What is wrong with the files of a cut: nothing, if every promise was kept."""
    try:
        log = SqliteEventLog(found / "log.db", SEALER)
        store = SqliteProfileStore(found / "profiles.db", SEALER)
        context = workbench.context(log=log, store=store)
        for connection in (log._writer, store._writer):
            if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                return ["damaged"]
        with store.snapshot() as snapshot:
            offset = snapshot.offsets().get(0, 0)
        if offset > log.ends()[0]:
            return ["the store has processed what the log has not"]
        wrong = [] if offset >= processed * spine.BATCH else ["a commit is gone"]
        quarantine.drain(context)
        held = ledger.looked(context, rebuild.verify(context, workbench.context().store).equal, spine.PEOPLE)
        wrong += ledger.faults(held, ids(acknowledged))
        # What was under way is there whole or not at all, and goes on as if nothing had been.
        for number in range(log.ends()[0] // spine.BATCH, BATCHES + 1):
            log.append(entries(number))
        quarantine.drain(context)
        held = ledger.looked(context, equal=True, people=spine.PEOPLE)
        wrong += ledger.faults(held, ids(BATCHES + 1))
        if held.account["received"] != (BATCHES + 1) * spine.BATCH:
            wrong.append("a batch is there in part")
        log.close()
        store.close()
    except (OnefoldError, apsw.Error) as error:
        return [type(error).__name__]
    return wrong


def test_no_power_cut_takes_what_was_acknowledged(tmp_path):
    """The log has all of it, the store is of one moment no later than the log, and both go on from there."""
    number, started, cuts, wrong = scaled(300, 10_000), time.monotonic(), 0, []
    for seed in range(2 * number // CUTS):
        if cuts >= number:
            break
        folder = tmp_path / str(seed)
        folder.mkdir()
        for found, acknowledged, processed in run(folder, seed, "FULL"):
            cuts += 1
            wrong += [(seed, found.name, fault) for fault in wrong_with(found, acknowledged, processed)]
        shutil.rmtree(folder)
    figures.note("power cuts", cuts=cuts, faults=len(wrong), seconds=round(time.monotonic() - started, 1))
    assert cuts >= number
    assert wrong == []


def test_without_syncs_the_harness_reports_loss(tmp_path):
    """Control: with synchronous=OFF, more than a tenth of the cuts broke a promise."""
    wrong = [fault for fault in (wrong_with(*cut) for cut in run(tmp_path, 1, "OFF")) if fault]
    figures.note("power cuts without syncs", cuts=CUTS, broken=len(wrong))
    assert len(wrong) > CUTS / 10
