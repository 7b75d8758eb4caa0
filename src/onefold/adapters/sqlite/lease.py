"""The lease: the right to be the one processor of a workspace, held by one process of this machine at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onefold.errors import UnavailableError


@contextmanager
def lease(path: Path) -> Iterator[None]:
    """Hold the lease file at `path` for the time of the block; the system takes it back when the process dies.

    Raises:
        UnavailableError: Somebody else holds it, in this process or in another.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise UnavailableError(
                f"process {holder} is processing this workspace already ({path}); stop it, or let it do the work"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
