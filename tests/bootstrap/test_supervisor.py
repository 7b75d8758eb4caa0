"""The supervisor: one rule for every worker that ends, and none outlives it."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap

import pytest
from tests.running import gone

PRELUDE = """
import os, sys, time
from onefold.bootstrap import supervisor
from onefold.bootstrap.supervisor import Supervisor
supervisor.RESTART_SECONDS = (0.0,)
"""


def run(program, *, wait=True):
    """Run a supervisor in a process of its own, without threads; the lines its workers wrote, and its exit code."""
    process = subprocess.Popen(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(program)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    if not wait:
        return process
    said, _ = process.communicate(timeout=60)
    return said.decode().split(), process.returncode


@pytest.mark.parametrize(("code", "ends"), [(0, 0), (2, 2), (70, 70)])
def test_an_end_that_should_be_or_always_would_be_is_the_end_of_all(code, ends):
    """Nobody is started again for an error in the configuration."""
    lines, returned = run(f"""
        def life(board, again):
            os.write(1, b"begun\\n")
            return {code}
        sys.exit(Supervisor(life, ["a"], workers=2, stall_seconds=60).run(lambda s: time.sleep(s)))
    """)
    assert returned == ends
    assert len(lines) <= 2


def test_control_any_other_end_is_followed_by_a_new_beginning():
    """Killed or failed, it is started again, and knows that it was."""
    lines, returned = run("""
        def life(board, again):
            os.write(1, b"again\\n" if again else b"first\\n")
            if not again:
                os.kill(os.getpid(), 9)
            return 0
        sys.exit(Supervisor(life, ["a"], stall_seconds=60).run(lambda s: time.sleep(s)))
    """)
    assert (lines, returned) == (["first", "again"], 0)


SLEEPER = """
    {plant}
    def life(board, again):
        os.write(1, b"%d\\n" % os.getpid())
        time.sleep(60)
    Supervisor(life, ["a"], stall_seconds=60).run(lambda s: time.sleep(s))
"""


def killed(plant=""):
    """The number of a worker whose supervisor was killed."""
    process = run(SLEEPER.format(plant=plant), wait=False)
    worker = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    process.stdout.close()
    return worker


def test_no_worker_outlives_its_supervisor():
    """However it ended."""
    assert gone([killed()], 10.0)


def test_control_without_the_kernel_it_would():
    """A process does not notice by itself."""
    worker = killed("supervisor.die_with = lambda _: None")
    assert not gone([worker], 1.0)
    with contextlib.suppress(ProcessLookupError):
        os.kill(worker, signal.SIGKILL)


def test_an_entry_is_blamed_after_two_workers_that_ended_on_it_alone():
    """In parts of a sixteenth until then; a worker that ended outside of a batch blames nothing."""
    lines, _ = run("""
        from onefold.bootstrap.board import Board
        slot = Board(["a"]).slots["a"]
        slot.begins(1000); slot.ends(); slot.worker_ended(stalled=False)
        print(slot.part)
        slot.begins(1000); slot.worker_ended(stalled=True); print(slot.part)
        slot.begins(slot.part, 3, 41); slot.worker_ended(stalled=True); print(slot.part)
        slot.begins(slot.part, 3, 41); slot.worker_ended(stalled=True); print(slot.part)
        slot.begins(1, 3, 41); slot.worker_ended(stalled=True); print(slot.fault)
        slot.begins(1, 3, 41); slot.worker_ended(stalled=True); f = slot.fault; print(f.reason, f.partition, f.after)
        slot.went_well(); print(slot.part, slot.fault)
        slot.went_well(nothing_left=True); print(slot.part)
    """)
    assert lines == ["0", "62", "3", "1", "None", "timed_out", "3", "41", "4", "None", "0"]
