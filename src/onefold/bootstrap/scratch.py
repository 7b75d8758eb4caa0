"""Scratch folders: stores beside the real one, made for one computation and gone with it, also when it is killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = ".scratch-"
_GUARD = ".scratch.lock"
"""Held while a folder is made and locked, and while folders are looked through: one is never seen unlocked."""


@contextmanager
def folder(directory: Path) -> Iterator[Path]:
    """A new folder in `directory`, gone after the block. Those that killed processes left are removed first."""
    sweep(directory)
    with _locked(directory / _GUARD, os.O_RDWR | os.O_CREAT):
        made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=directory))
        descriptor = os.open(made, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(descriptor)


def sweep(directory: Path) -> int:
    """Remove the folders of processes that are gone; returns how many there were."""
    if not any(directory.glob(f"{PREFIX}*")):
        return 0
    removed = 0
    with _locked(directory / _GUARD, os.O_RDWR | os.O_CREAT):
        for left in directory.glob(f"{PREFIX}*"):
            descriptor = os.open(left, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
                removed += 1
            except BlockingIOError:  # its process lives
                pass
            finally:
                os.close(descriptor)
    return removed


@contextmanager
def _locked(path: Path, flags: int) -> Iterator[None]:
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
