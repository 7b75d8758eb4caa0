"""Laws of the event log: however entries are stored together, it is the list of what was appended."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from onefold.adapters.memory.log import MemoryEventLog
from onefold.adapters.sqlite import log_layout
from onefold.adapters.sqlite.log import SqliteEventLog
from onefold.governance.encryption import EntrySealer, WorkspaceKeys
from onefold.model import LogEntry

SEALER = EntrySealer(WorkspaceKeys("w", b"h" * 32, b"w" * 32, b"l" * 32), os.urandom)
BODIES = (0, 10, 500, 3_000, 40_000)


@st.composite
def appends(draw):
    """Requests of 1 to 200 entries with bodies of like size, some of another."""
    batches, number = [], 0
    for size in draw(st.lists(st.integers(1, 200), min_size=1, max_size=4)):
        usual = draw(st.sampled_from(BODIES[:4]))
        unusual = draw(st.dictionaries(st.integers(0, size - 1), st.sampled_from(BODIES), max_size=3))
        batches.append(
            [
                LogEntry("segment", "web", number + at, at, b"1" * unusual.get(at, usual))
                for at in range(size)
            ]
        )  # fmt: skip
        number += size
    return batches


def check(partitions, batches, data):
    """A log on disk answers as the one in memory does, place for place."""

    def place(entry):
        return entry.received_at_us * 7919 % 31 % partitions

    with tempfile.TemporaryDirectory() as folder:
        log = SqliteEventLog(Path(folder) / "log.db", SEALER, partition_of=place if partitions > 1 else None)
        memory = MemoryEventLog(partitions=partitions, partition_of=place)
        there, here = [], []
        for batch in batches:
            there += log.append(batch)
            here += memory.append(batch)
        same = dict(zip(there, here, strict=True))
        assert len(same) == len(there)

        def told(stored):
            return [(same[s.partition, s.offset], s.entry) for s in stored]

        def expected(stored):
            return [((s.partition, s.offset), s.entry) for s in stored]

        assert {same[end] for end in log.ends().items() if end[1]} == {end for end in memory.ends().items() if end[1]}
        some = data.draw(st.lists(st.sampled_from(there), max_size=20))
        assert told(log.get(some)) == expected(memory.get([same[there] for there in some]))
        for partition, offset in some[:5]:
            limit = data.draw(st.integers(1, 70) | st.just(10_000))
            whose, after = same[partition, offset]
            assert told(log.read(partition, offset, limit)) == expected(memory.read(whose, after, limit))
            assert log.waiting({partition: offset})[partition] == memory.waiting({whose: after})[whose]
        for partition in range(partitions):
            assert told(log.read(partition + (partitions > 1), 0, 10_000)) == expected(
                memory.read(partition, 0, 10_000)
            )
        log.close()


@given(partitions=st.integers(1, 4), batches=appends(), data=st.data())
def test_the_log_on_disk_is_the_log_in_memory(partitions, batches, data):
    """Same entries, same order, same counts, from wherever one reads and however many."""
    check(partitions, batches, data)


@pytest.mark.parametrize("plant", ["order", "places"])
@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of the example that breaks it, which may be large
def test_the_law_sees_a_log_that_mixes_entries_up(plant, monkeypatch):
    """Control: chunks put away in another order, or numbered as if nothing had been grouped, break it."""
    if plant == "order":
        chunks = log_layout._chunks
        monkeypatch.setattr(log_layout, "_chunks", lambda entries: reversed(list(chunks(entries))))
    else:
        monkeypatch.setattr(log_layout, "_grouped", lambda entries, partitions: dict.fromkeys(partitions, entries))

    @settings(phases=[Phase.generate])
    @given(partitions=st.integers(1, 4), batches=appends(), data=st.data())
    def law(partitions, batches, data):
        check(partitions, batches, data)

    with pytest.raises((AssertionError, KeyError, ExceptionGroup)):
        law()
