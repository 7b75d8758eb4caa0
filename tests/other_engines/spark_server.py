"""Run by the Python that has pyspark: a Spark Connect server with Delta tables, in one process of Java.

    python spark_server.py FOLDER

The port that it listens on is printed, and it ends with its standard input. Delta's archives are fetched from Maven Central
at the first start, and kept in the folder `ivy` of this environment.
"""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pyspark

DELTA = "io.delta:delta-spark_4.1_2.13:4.2.0"
THERE = (
    "com.fasterxml.jackson.core", "com.fasterxml.jackson.datatype", "com.github.luben", "com.google.code.findbugs",
    "commons-logging", "commons-pool", "io.airlift", "javax.annotation", "org.antlr", "org.apache.hadoop",
    "org.apache.logging.log4j", "org.apache.parquet", "org.roaringbitmap", "org.slf4j", "org.xerial.snappy",
)  # fmt: skip
"""What Delta needs and Spark has."""
_SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.jars.packages": DELTA,
    "spark.jars.excludes": ",".join(f"{group}:*" for group in THERE),
    "spark.jars.ivy": str(Path(sys.prefix) / "ivy"),
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.connect.grpc.binding.address": "127.0.0.1",
    # Tables of a few rows: one task each, no code compiled for a query that is run once, no statistics or sums of them.
    "spark.sql.shuffle.partitions": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "1",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.databricks.delta.stats.collect": "false",
    "spark.databricks.delta.history.metricsEnabled": "false",
    "spark.databricks.delta.properties.defaults.checkpointInterval": "1000",
    # For every file that is made, Hadoop starts a `chmod`, and another one for the file of its checksum.
    "spark.hadoop.fs.AbstractFileSystem.file.impl": "org.apache.hadoop.fs.local.RawLocalFs",
    # Of each table Delta keeps some megabytes, up to an hour after its last use.
    "spark.databricks.delta.delta.log.cacheSize": "40",
    "spark.log.level": "WARN",
    # Of a thousand statements and more, what a page would show of each filled the memory.
    **{
        f"spark.{kept}": "10"
        for kept in (
            "ui.retainedJobs",
            "ui.retainedStages",
            "ui.retainedTasks",
            "sql.ui.retainedExecutions",
            "connect.ui.retainedStatements",
        )
    },
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djdk.lang.Process.launchMechanism=VFORK",
}


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main(folder):
    """Start it, print its port once it listens, and end it with the standard input."""
    home, port = Path(pyspark.__file__).parent, _free_port()
    settings = _SETTINGS | {
        "spark.connect.grpc.binding.port": str(port),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.local.dir": str(folder / "scratch"),
    }
    server = "org.apache.spark.sql.connect.service.SparkConnectServer"
    command = [home / "bin" / "spark-submit", "--class", server, "--master", "local[1]", "--driver-memory", "2g"]
    command += [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "spark-internal"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
            env=os.environ | {"SPARK_HOME": str(home), "PYSPARK_PYTHON": sys.executable},
        )  # fmt: skip
    try:
        until = time.monotonic() + 300
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > until:
                sys.exit((folder / "log").read_text()[-3000:])
            time.sleep(0.2)
        print(port, flush=True)  # noqa: T201  who started it reads it
        sys.stdin.read()
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
