"""`onefold warehouse load` and `status` over a project with an engine."""

import json
import subprocess
import sys

import psycopg
from bench.postgres import OWNER, server, url
from bench.stream import fill
from tests.running import project

from onefold import bootstrap


def onefold(here, *words):
    done = subprocess.run(
        [sys.executable, "-m", "onefold", *words, "--project", str(here.directory)], capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_a_project_loads_its_engine_and_tells_how_far_it_is(monkeypatch):
    """What `onefold.yaml` names is loaded, once; its relations are there for whoever asks PostgreSQL."""
    monkeypatch.setenv("ANALYTICS_URL", url(OWNER))
    with project() as here:
        config = here.directory / "onefold.yaml"
        engine = 'warehouse:\n  engines:\n    analytics: {kind: postgres, url: "env:ANALYTICS_URL", prefix: flow_}\n'
        config.write_text(config.read_text() + engine)
        bodies = [{"type": "identify", "userId": f"u{n}", "messageId": f"m{n}"} for n in range(3)]
        fill(here.directory, (json.dumps(body).encode() for body in bodies))
        with bootstrap.opened(here.directory, None) as workspace:
            bootstrap.catch_up(workspace)
        code, out, told = onefold(here, "warehouse", "status", "--json")
        assert code == 0, told
        assert json.loads(out)["engines"][0]["sequence"] is None
        code, out, told = onefold(here, "warehouse", "load", "--json")
        assert code == 0, told
        (loaded,) = json.loads(out)["engines"]
        assert loaded["rows"] > 0
        code, out, told = onefold(here, "warehouse", "load", "--engine", "analytics")
        assert (code, "analytics: 0 rows" in out) == (0, True), told
        (status,) = json.loads(onefold(here, "warehouse", "status", "--json")[1])["engines"]
        assert (status["sequence"], status["behind"]) == (loaded["sequence"], 0)
        with psycopg.connect(server()) as connection:
            ((people,),) = connection.execute("SELECT count(*) FROM flow_golden.profile").fetchall()
        assert people == 3
        code, _, told = onefold(here, "warehouse", "load", "--engine", "analytisc")
        assert (code, "did you mean `analytics`" in told) == (1, True)
