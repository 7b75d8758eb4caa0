"""Where in each partition the entries received since a time begin."""

import pytest
from tests import workbench

from onefold.adapters.memory.log import MemoryEventLog


@pytest.fixture
def log():
    """Forty entries, one a second from second 100 on, in three partitions."""
    log = MemoryEventLog(partitions=3, partition_of=lambda entry: entry.index % 3)
    log.append([workbench.entry({}, index=n, received_at_us=(100 + n) * 1_000_000) for n in range(40)])
    return log


@pytest.mark.parametrize("second", [0, 100, 101, 117, 139, 140, 999])
def test_what_is_read_after_the_offsets_is_what_was_received_since(log, second):
    """Every entry of that time or later comes after the offsets, every earlier one before."""
    offsets = log.offsets_at(second * 1_000_000)
    for partition, offset in offsets.items():
        after = {s.entry.index for s in log.read(partition, offset, 99)}
        assert after == {n for n in range(40) if n % 3 == partition and 100 + n >= second}


def test_an_empty_log_begins_at_its_beginning():
    """There is nothing before nothing."""
    assert MemoryEventLog().offsets_at(5) == {0: 0}
