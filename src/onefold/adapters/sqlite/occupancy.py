"""Occupancy: which processes have some files of a workspace open, so that nobody replaces or converts them meanwhile.

Every process holds a shared lock on a lock file as long as it has the files open, and who replaces or converts them the
lock alone. The kernel gives it up when a process dies. Log and store have a lock file each: a rebuild replaces the store
while collectors append to the log.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from onefold.errors import UnavailableError

LOG = "log.lock"
STORE = "profiles.lock"
SERVER = "server.lock"
"""Held alone by a server or a worker that processes the workspace, for as long as it means to."""
PATIENCE_SECONDS = 10.0
"""How long a start waits for one that is creating or converting the files."""
_LOOK_SECONDS = 0.01


class Occupancy:
    """This process's part in it: shared with others, or alone. Ends with `close`, and with the process."""

    def __init__(self, directory: Path, name: str) -> None:
        """Open the lock file, made on first use; nothing is held yet."""
        self._path = directory / name
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def try_alone(self) -> bool:
        """Hold it alone; False, and unchanged, when others hold it."""
        return self._lock(fcntl.LOCK_EX)

    def alone(self, doing: str) -> None:
        """Hold it alone.

        Raises:
            UnavailableError: Others have the files open; the message names them.
        """
        if not self.try_alone():
            raise UnavailableError(
                f"{doing} needs {self._path.parent} alone, but {_named(self.holders())} uses it; stop it."
            )

    def share(self, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Hold it with others.

        Raises:
            UnavailableError: Somebody holds it alone, and has not given it up in time.
        """
        until = time.monotonic() + patience_seconds
        while not self._lock(fcntl.LOCK_SH):
            if time.monotonic() >= until:
                who = _named(self.holders())
                raise UnavailableError(f"{who} is replacing or converting files in {self._path.parent}; wait for it.")
            time.sleep(_LOOK_SECONDS)

    def holders(self) -> list[int]:
        """Processes that hold it, as far as the kernel tells; this one is left out."""
        status = os.fstat(self._descriptor)
        file = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
        found: set[int] = set()
        with contextlib.suppress(OSError, ValueError):
            for line in Path("/proc/locks").read_text().splitlines():
                fields = line.split()
                if "->" not in fields and fields[1] == "FLOCK" and fields[5] == file:
                    found.add(int(fields[4]))
        return sorted(found - {os.getpid()})

    def close(self) -> None:
        """Give it up; calling it again does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _lock(self, kind: int) -> bool:
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            return False
        return True


@contextlib.contextmanager
def held_alone(directory: Path, name: str, doing: str) -> Iterator[None]:
    """Hold the files of `name` alone for the block.

    Raises:
        UnavailableError: Others have them open.
    """
    occupancy = Occupancy(directory, name)
    try:
        occupancy.alone(doing)
        yield
    finally:
        occupancy.close()


def _named(pids: list[int]) -> str:
    if not pids:
        return "another process"
    return f"process {pids[0]}" if len(pids) == 1 else f"processes {', '.join(map(str, pids))}"
