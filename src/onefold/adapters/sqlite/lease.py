"""The lease on a workspace: who holds it is its one processor. It ends with the process that holds it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onefold.errors import UnavailableError

FILE = "processor.lock"
_LOOK_SECONDS = 0.01


@contextmanager
def held(directory: Path, *, patience_seconds: float = 0.0) -> Iterator[None]:
    """Hold the lease on the workspace in `directory` for the block.

    Raises:
        UnavailableError: Somebody else holds it, in another process or in this one, and has not given it back within
            `patience_seconds`.
    """
    descriptor = os.open(directory / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        until = time.monotonic() + patience_seconds
        while not _taken(descriptor):
            if time.monotonic() >= until:
                holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
                raise UnavailableError(
                    f"Process {holder} is processing this workspace: stop that server, or leave the work to it."
                )
            time.sleep(_LOOK_SECONDS)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
