"""The lease on a workspace: who holds it is its one processor. It ends with the process that holds it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onefold.errors import UnavailableError

FILE = "processor.lock"


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Hold the lease on the workspace in `directory` for the block.

    Raises:
        UnavailableError: Another process holds it.
    """
    descriptor = os.open(directory / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnavailableError(
                "Another process is processing this workspace: stop the server, or leave the work to it."
            ) from None
        yield
    finally:
        os.close(descriptor)
