"""The topics know whose they are: another topic under the same name, other keys and lost entries are told."""

import msgspec
import pytest
from confluent_kafka.admin import AdminClient
from tests import workbench
from tests.kafka.entries import entries

from onefold.errors import ConfigurationError, UnavailableError
from onefold.model import WorkspaceIdentity
from onefold.pipelines.maintenance import agreement
from onefold.pipelines.stream import process

pytestmark = pytest.mark.xdist_group("kafka")

OURS, THEIRS = WorkspaceIdentity("a" * 32, "1" * 32), WorkspaceIdentity("b" * 32, "2" * 32)


def delete(settings, topic):
    admin = AdminClient(settings.client())
    admin.delete_topics([topic])[topic].result(10)


def test_the_first_claim_counts_for_everybody(settings, open_log):
    """Two machines that made keys of their own both learn whose the log is, before either appends."""
    first, second = open_log(settings), open_log(settings)
    assert first.identity() is None
    assert first.claim(OURS) == OURS
    assert second.claim(THEIRS) == OURS
    assert open_log(settings).identity() == OURS


def test_claims_at_once_have_one_winner(settings, open_log, monkeypatch):
    """Both saw none, and both wrote: the order of the topic decides."""
    first, second = open_log(settings), open_log(settings)
    with monkeypatch.context() as blind:
        blind.setattr(
            second, "identity", lambda seen=[]: None if not seen.append(1) and len(seen) == 1 else first.identity()
        )
        first.claim(OURS)
        assert second.claim(THEIRS) == OURS
    assert open_log(settings).identity() == OURS


def test_a_topic_made_anew_under_the_same_name_is_refused(settings, open_log, monkeypatch):
    """By who opens it, and by a collector that has it open; `anew` takes it for the log."""
    log = open_log(settings)
    log.claim(OURS)
    log.append(entries(6))
    delete(settings, settings.raw)
    fresh = open_log(settings)
    with pytest.raises(ConfigurationError, match="deleted and made anew"):
        fresh.identity()
    monkeypatch.setattr("onefold.adapters.kafka.log._RECOGNISED_SECONDS", 0.0)
    with pytest.raises(UnavailableError, match="deleted and made anew"):
        log.append(entries(1))
    assert fresh.claim(OURS, anew=True) == OURS
    assert len(fresh.append(entries(1))) == 1


def test_another_log_is_not_processed(settings, open_log):
    """A changed prefix leads to other topics: the entry at the store's offset is not the one it has processed."""
    log = open_log(settings)
    context = workbench.context(log=log)
    log.append(entries(30))
    assert process.drain(context).read == 30
    assert agreement.disagreements(context) == []
    other = open_log(msgspec.structs.replace(settings, prefix="elsewhere"))
    elsewhere = workbench.context(log=other, store=context.store)
    assert {d.kind for d in agreement.disagreements(elsewhere)} == {"ahead"}
    other.append([msgspec.structs.replace(entry, request_id="other") for entry in entries(40)])
    assert {d.kind for d in agreement.disagreements(elsewhere)} == {"other"}
    with pytest.raises(ConfigurationError, match="accept-loss"):
        agreement.require(elsewhere)


def test_entries_that_were_deleted_before_they_were_processed_are_told(settings, open_log, monkeypatch):
    """From which to which, as Kafka numbers them; and nobody rebuilds from such a log. `test_apache` deletes for real."""
    log = open_log(settings)
    context = workbench.context(log=log)
    log.append(entries(30))
    process.drain(context)
    assert agreement.holes(log) == []
    log.append(entries(30))
    begun = log._starts(range(3))
    assert begun == {0: 0, 1: 0, 2: 0}
    partition, end = max(log._look().items(), key=lambda item: item[1])
    monkeypatch.setattr(log, "_starts", lambda partitions: {p: end - 1 if p == partition else 0 for p in partitions})
    (lost,) = agreement.disagreements(context)
    assert lost.kind == "lost"
    assert f"to {end - 2} of partition {partition}" in lost.message
    assert agreement.holes(log) == [f"the log lost entries 0 to {end - 2} of partition {partition}"]
    with context.store.snapshot() as snapshot:
        resumed = agreement.resume(log, snapshot.checkpoints())
    assert [s.entry for s in log.read(partition, resumed[partition], 9)]
