"""The collector rests for a block and is as it was afterwards; batches leave nothing for it."""

from __future__ import annotations

import gc

import pytest
from tests.workbench import context as make_context
from tests.workbench import entry, iso

from onefold.pipelines.stream import gc_pause, process


def test_the_collector_rests_for_the_block_and_wakes_even_after_an_error():
    with gc_pause.paused():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), gc_pause.paused():
        raise ZeroDivisionError
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    try:
        with gc_pause.paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def cycles_left(advance) -> int:
    """Objects only the collector can free after 300 events, over what the same call leaves without any."""
    workspace = make_context()
    advance(workspace)
    gc.collect()
    body = {"type": "identify", "userId": "u", "context": {"traits": {"email": "a@b.org"}, "page": {"url": "x"}}}
    workspace.log.append([entry(body | {"messageId": str(n), "timestamp": iso(n)}, index=n) for n in range(300)])
    advance(workspace)
    return gc.collect()


def test_a_batch_leaves_no_cycles_and_one_that_does_is_seen():
    def leaky(workspace):
        for stored in workspace.log.read(0, 0, 999):
            ring: list = [stored]
            ring.append(ring)

    assert cycles_left(process.advance) < 30
    assert cycles_left(leaky) >= 300
