"""An evaluator that is killed: nobody's exit is lost, and nobody's is told twice."""

import subprocess
import sys
import time
from pathlib import Path

import msgspec
from tests.audience_world import DAY_US, World
from tests.contracts.test_profile_store import sqlite_store

ROOT = Path(__file__).parents[3]
PEOPLE = 300
EVALUATE = """
import sys
from pathlib import Path
from tests.audience_world import World
from tests.contracts.test_profile_store import sqlite_store
world = World(sqlite_store(Path(sys.argv[1])))
world.now_us = int(sys.argv[2])
while worked := world.evaluator.advance(people_max=5):
    if not (worked.people or worked.more):
        break
"""


def messages(directory: Path) -> list[tuple[str, str]]:
    """(topic, profile) of all messages about one segment."""
    store = sqlite_store(directory, change=False)
    try:
        with store.snapshot() as snapshot:
            found = [(m.topic, msgspec.json.decode(m.body)) for m in snapshot.outbox(after=0, limit=100_000)]
    finally:
        store.close()
    return [(topic, body["profile_id"]) for topic, body in found if body.get("segment") == "between"]


def test_exits_of_a_killed_evaluator_are_told_once(tmp_path):
    """Killed three times in the midst of exits that are due, and started again: each person left, and once."""
    world = World(sqlite_store(tmp_path))
    world.apply()
    for number in range(PEOPLE):
        world.happen({"userId": f"user-{number}"}, "Story Read", ago_us=3 * DAY_US)
    world.settle()
    assert sum(name == "between" for name, _ in world.memberships()) == PEOPLE
    world.context.store.close()
    now_us = world.now_us + 10 * DAY_US
    command = [sys.executable, "-c", EVALUATE, str(tmp_path), str(now_us)]
    killed, told = 0, PEOPLE
    for _ in range(3):
        with subprocess.Popen(command, cwd=ROOT) as process:
            until = time.monotonic() + 120
            while (now := len(messages(tmp_path))) <= told and process.poll() is None and time.monotonic() < until:
                time.sleep(0.005)
            process.kill()
        killed += process.returncode != 0 and PEOPLE < now < 2 * PEOPLE
        told = now
    assert killed, "it was killed in the midst of it at least once"
    subprocess.run(command, cwd=ROOT, check=True, timeout=120)
    found = messages(tmp_path)
    exits = [profile for topic, profile in found if topic == "segment.exited"]
    assert len(exits) == len(set(exits)) == PEOPLE
    assert len(found) == 2 * PEOPLE
    store = sqlite_store(tmp_path)
    again = World(store)
    again.now_us = now_us
    assert again.memberships() == again.told()
    assert not any(name == "between" for name, _ in again.memberships())
    store.close()
