"""Servers of engines for tests, each from an environment of its own that `make test-engines` makes."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onefold.adapters.s3.bucket import Bucket
from onefold.errors import ConfigurationError, NotFoundError, UnavailableError

BUILD = Path(__file__).resolve().parents[2] / "build"
HERE = Path(__file__).parent
ENGINES = ("clickhouse", "spark", "snowflake", "bigquery")
EXACT_IN_JSON = ("clickhouse", "spark", "snowflake")
"""Those that give all digits of a number in JSON: of 0.30000000000000004 bqemulator gives 0.3, so rules about it differ."""


def python(name: str) -> Path:
    """The Python of an environment; its absence fails the test that needs it."""
    found = BUILD / name / "bin" / "python"
    assert found.exists(), f"{found} is missing: run `make test-engines`"
    return found


@contextmanager
def running(name: str) -> Iterator:
    """A server; what the block gets opens a session with it, and tells the engine's kind."""
    servers = {"clickhouse": clickhouse, "spark": spark, "snowflake": snowflake, "bigquery": bigquery}
    with servers[name]() as opening:
        yield opening


@contextmanager
def clickhouse() -> Iterator:
    """ClickHouse in a process, behind its HTTP interface."""
    from onefold.adapters.sql_engines.clickhouse import KIND, ClickHouseSession

    with (
        tempfile.TemporaryDirectory(prefix="onefold-ch-") as folder,
        child("clickhouse", "chdb_server.py", folder) as port,
    ):
        yield lambda: (KIND, ClickHouseSession(f"http://127.0.0.1:{port}"))


@contextmanager
def spark() -> Iterator:
    """A Spark Connect server with Delta tables."""
    from onefold.adapters.sql_engines.spark import KIND, SparkConnectSession

    with (
        tempfile.TemporaryDirectory(prefix="onefold-spark-") as folder,
        child("spark", "spark_server.py", folder) as port,
    ):
        yield lambda: (KIND, SparkConnectSession(f"sc://127.0.0.1:{port}"))


@contextmanager
def snowflake() -> Iterator:
    """Snowflake's interface before DuckDB: the emulator fakesnow."""
    from onefold.adapters.sql_engines.snowflake import KIND, SnowflakeSession

    with child("snowflake", "snowflake_server.py") as port:
        where = f"host=127.0.0.1&port={port}&protocol=http"
        yield lambda: (KIND, SnowflakeSession(f"snowflake://someone:{SECRET_KEY}@emulated/COPIES?{where}"))


@contextmanager
def bigquery() -> Iterator:
    """BigQuery's interface before DuckDB: the emulator bqemulator."""
    from onefold.adapters.sql_engines.bigquery import KIND, BigQuerySession

    with child("bigquery", "bigquery_server.py") as port:
        yield lambda: (KIND, BigQuerySession(f"bigquery://copies?endpoint=http://127.0.0.1:{port}"))


@contextmanager
def child(environment: str, script: str, *arguments: str) -> Iterator[int]:
    """A script of ours in an environment, which prints its port and ends with its standard input."""
    command = [python(environment), HERE / script, *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


ACCESS_KEY, SECRET_KEY, BUCKET = "someone", "a-secret-of-the-tests", "segments"


class ObjectStore:
    """SeaweedFS with its S3 interface, on a folder of its own; it can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen | None = None
        base = random.SystemRandom().randrange(15_000, 40_000)
        self.ports = [base, base + 1, base + 2, base + 3]
        self.endpoint = f"http://127.0.0.1:{self.ports[3]}"
        keys = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
        identity = {"name": "tests", "credentials": keys, "actions": ["Admin", "Read", "Write", "List"]}
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))

    def start(self) -> None:
        """Start it, and wait until it answers and has the bucket."""
        master, volume, filer, s3 = map(str, self.ports)
        (self.folder / "data").mkdir(exist_ok=True)
        command = [
            python("s3").parent / "weed", "server", f"-dir={self.folder / 'data'}", "-ip=127.0.0.1", f"-master.port={master}",
            f"-volume.port={volume}", "-filer", f"-filer.port={filer}", "-s3", f"-s3.port={s3}",
            f"-s3.config={self.folder / 's3.json'}", "-volume.max=20", "-master.volumeSizeLimitMB=64",
        ]  # fmt: skip
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        log.close()
        until = time.monotonic() + 120
        while True:
            try:
                with contextlib.suppress(UnavailableError):  # which the bucket that is there already is, too
                    self.bucket("")._ask("PUT", None)
                self.bucket("probe/").put("ready", self.folder / "s3.json")
            except (UnavailableError, NotFoundError, ConfigurationError):
                assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
                assert time.monotonic() < until, (self.folder / "log").read_text()[-2000:]
                time.sleep(0.2)
                continue
            return

    def stop(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def bucket(self, prefix: str, secret_key: str = SECRET_KEY) -> Bucket:
        """The objects under a prefix."""
        return Bucket(self.endpoint, BUCKET, prefix, region="us-east-1", access_key=ACCESS_KEY, secret_key=secret_key)
