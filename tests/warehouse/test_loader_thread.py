"""The loader beside the processor loads by itself, profiles too once the stream has caught up, and only where it is to."""

from __future__ import annotations

import time

from tests import workbench
from tests.running import project

from onefold import bootstrap
from onefold.bootstrap import loader_thread
from onefold.bootstrap.loader_thread import LoaderThread
from onefold.warehouse.relations import PROFILE_CHANGE

PATIENT_SECONDS = 60.0


def standing(workspace) -> tuple[int, int, int]:
    """Rows fed, rows loaded, and the sequence at which profiles were worked out."""
    with workspace.context.store.snapshot() as snapshot:
        profiled = [s.last for s in snapshot.segments() if s.relation == PROFILE_CHANGE.full_name]
        return snapshot.fed(), snapshot.loaded(), max(profiled, default=0)


def settles(workspace) -> bool:
    """Whether all is loaded and worked out, in good time."""
    until = time.monotonic() + PATIENT_SECONDS
    while time.monotonic() < until:
        fed, loaded, profiled = standing(workspace)
        if fed and fed == loaded == profiled:
            return True
        time.sleep(0.02)
    return False


def receive(workspace, number: int) -> None:
    body = {"type": "track", "event": "X", "anonymousId": f"a{number}", "messageId": f"m{number}"}
    workspace.context.log.append([workbench.entry(body)])
    bootstrap.catch_up(workspace)


def test_it_loads_what_was_fed_and_goes_on(monkeypatch):
    """What has waited long enough is loaded, profiles included, again and again; a backlog's profiles come later."""
    monkeypatch.setattr(loader_thread, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(loader_thread, "PATIENCE_SECONDS", 0.1)
    with project() as here, bootstrap.opened(here.directory, None) as workspace:
        receive(workspace, 1)
        bootstrap.load_warehouse(workspace, profiles=False)
        assert standing(workspace)[2] == 0
        thread = LoaderThread(workspace, lambda: True)
        thread.start()
        try:
            assert settles(workspace)
            receive(workspace, 2)
            assert settles(workspace)
        finally:
            thread.stop()


def test_a_worker_that_does_not_lead_loads_nothing(monkeypatch):
    """Of several workers one loads; the control of the test above: without a loader nothing is loaded."""
    monkeypatch.setattr(loader_thread, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(loader_thread, "PATIENCE_SECONDS", 0.0)
    asked = []
    with project() as here, bootstrap.opened(here.directory, None) as workspace:
        receive(workspace, 1)
        thread = LoaderThread(workspace, lambda: bool(asked.append(1)))
        thread.start()
        until = time.monotonic() + PATIENT_SECONDS
        while len(asked) < 5 and time.monotonic() < until:
            time.sleep(0.01)
        thread.stop()
        assert len(asked) >= 5
        assert standing(workspace)[1] == 0
