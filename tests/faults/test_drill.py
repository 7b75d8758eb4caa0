"""The drill: a backup under traffic, everything wiped, the backup restored, traffic again."""

import shutil
import time

import pytest
from bench.ground import wait_until
from tests.faults import figures, ledger
from tests.faults.ledger import Producer
from tests.faults.scale import RELEASE, scaled
from tests.faults.test_poison import served
from tests.running import project

pytestmark = [pytest.mark.xdist_group("damage"), pytest.mark.timeout(3600 if RELEASE else 280)]


def drill(zygote, here, tmp_path, *, lost_file=None, size=20):
    """One drill; what was acknowledged before the backup began, what was found after the restore, and seconds."""
    argv = ("--project", str(here.directory))
    copy = tmp_path / "copy"
    with served(zygote, here):
        producers = [Producer(here, name, size=size) for name in ("a", "b")]
        for producer in producers:
            producer.start()
        while sum(len(p.acknowledged) for p in producers) < 40 * size:
            time.sleep(0.01)
        before = [name for p in producers for name in p.acknowledged]
        started = time.monotonic()
        assert zygote.run("backup", str(copy), *argv) == 0, zygote.errors.read_text()
        backing_up = time.monotonic() - started
        time.sleep(0.2)
        for producer in producers:
            producer.end()
        unready = sum(p.answers.total() - p.answers[200] for p in producers)
    (data,) = {path.parent for path in here.directory.rglob("log.db") if copy not in path.parents}
    shutil.rmtree(data)
    if lost_file is not None:
        (copy / lost_file).unlink()
    started = time.monotonic()
    code = zygote.run("restore", str(copy), *argv)
    if code != 0:
        return before, None, {}
    command = zygote.start("serve", *argv)
    command.go()
    wait_until(f"http://127.0.0.1:{here.port}/readyz")
    restoring = time.monotonic() - started
    again = Producer(here, "c", size=size)
    again.start()
    while len(again.acknowledged) < 5 * size:
        time.sleep(0.01)
    again.end()
    command.kill(15)
    command.wait()
    held = ledger.found(here.directory)
    return before + again.acknowledged, held, {"backup": backing_up, "ready": restoring, "unready": unready}


def test_what_was_acknowledged_before_the_backup_comes_back(zygote, tmp_path):
    """Nothing of it is lost, nothing is counted twice, the state is what the log implies; traffic never failed."""
    timings = []
    for number in range(scaled(1, 20)):
        folder = tmp_path / str(number)
        folder.mkdir()
        with project() as here:
            acknowledged, held, seconds = drill(zygote, here, folder, size=scaled(20, 200))
        assert held is not None
        assert ledger.faults(held, acknowledged) == []
        assert seconds["unready"] == 0
        timings.append(seconds)
    figures.note(
        "drill", drills=len(timings), events=held.account["stored"],
        backup_p50=figures.quantile([t["backup"] for t in timings], 0.5),
        wiped_to_ready_p99=figures.quantile([t["ready"] for t in timings], 0.99),
    )  # fmt: skip
    assert max(t["ready"] for t in timings) < 60


def test_a_backup_that_lacks_a_file_fails_the_drill(zygote, tmp_path):
    """Control: it is refused, so the drill shows that nothing came back."""
    with project() as here:
        _, held, _ = drill(zygote, here, tmp_path, lost_file="log.db")
    assert held is None


def test_a_backup_from_before_the_traffic_is_found_out(zygote, tmp_path):
    """Control: what was acknowledged after a backup is not in it, and the judge says so."""
    with project() as here:
        argv = ("--project", str(here.directory))
        with served(zygote, here):
            producer = Producer(here, "a")
            names = producer.names()
            assert producer.deliver(names)
            assert zygote.run("backup", str(tmp_path / "copy"), *argv) == 0
            later = producer.names()
            assert producer.deliver(later)
        assert zygote.run("restore", str(tmp_path / "copy"), *argv) == 0
        wrong = ledger.faults(ledger.found(here.directory), names + later)
    assert any(word.startswith("lost") for word in wrong)
