"""The contract of `EventLog`, over a real broker."""

import pytest
from tests.contracts.test_event_log import PROMISES
from tests.kafka.entries import entries

pytestmark = pytest.mark.xdist_group("kafka")


@pytest.mark.parametrize("check", PROMISES, ids=lambda check: check.__name__)
def test_the_log_on_kafka_keeps_the_promise(check, settings, open_log):
    """What the port promises, the adapter does."""
    check(open_log(settings))


def test_another_process_reads_and_counts_what_the_first_appended(settings, open_log):
    """Nothing a reader needs is in the writer's memory."""
    places = open_log(settings).append(entries(25))
    other = open_log(settings)
    assert [s.entry.index for s in other.get(places)] == list(range(25))
    assert other.received() == {"web": 25}
    assert sum(len(other.read(p, 0, 99)) for p in other.ends()) == 25
