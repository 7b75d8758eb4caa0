"""Run by the Python that has bqemulator: its emulation of BigQuery's interface, on DuckDB in memory.

    python bigquery_server.py

The port that it listens on is printed, and it ends with its standard input. The extension of DuckDB that the emulator
wants comes from a package, and is put where DuckDB looks for it: into a home of this environment's own.
"""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import duckdb_extensions


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    """Start it, print its port once it listens, and end it with the standard input."""
    os.environ["HOME"] = str(Path(sys.prefix) / "home")
    Path(os.environ["HOME"]).mkdir(exist_ok=True)
    duckdb_extensions.import_extension("spatial", duckdb.connect())
    port, grpc = _free_port(), _free_port()
    command = [
        Path(sys.executable).with_name("bqemulator"),
        "start",
        "--rest-port",
        str(port),
        "--grpc-port",
        str(grpc),
    ]
    process = subprocess.Popen([*command, "--log-level", "error"], stdin=subprocess.DEVNULL, stdout=sys.stderr)
    try:
        until = time.monotonic() + 120
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > until:
                sys.exit("bqemulator did not start")
            time.sleep(0.2)
        print(port, flush=True)  # noqa: T201  who started it reads it
        sys.stdin.read()
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
