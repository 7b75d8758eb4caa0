"""A process that prefetches batches for this one, and this one's end of it."""

from __future__ import annotations

import contextlib
import dataclasses
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from onefold import config
from onefold.bootstrap.opening import open_keys_and_log
from onefold.bootstrap.workspace import Workspace, choose
from onefold.identity.hashing import Hasher
from onefold.identity.settings import IdentitySettings
from onefold.ingest.gate import Gate
from onefold.pipelines.stream import prefetch_process
from onefold.ports import EventLog


@dataclasses.dataclass(frozen=True, slots=True)
class _Gate:
    """What preparing a batch needs of a workspace."""

    log: EventLog
    gate: Gate
    identity: IdentitySettings
    hasher: Hasher


@contextlib.contextmanager
def prefetched_by_process(workspace: Workspace, command: Sequence[str]) -> Iterator[Workspace]:
    """The workspace, with the next batch prepared by another process while one is written.

    Args:
        workspace: What to work in; other users of it meanwhile prepare their own.
        command: The arguments of this program that `serve_prefetch` for the same workspace.
    """
    full = [sys.executable, "-m", "onefold", *command]
    with subprocess.Popen(full, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603  ourselves, with our own arguments
        assert process.stdin is not None  # noqa: S101  a pipe was asked for
        assert process.stdout is not None  # noqa: S101  the same
        ahead = prefetch_process.ProcessPrefetch(process.stdin, process.stdout)
        try:
            yield dataclasses.replace(workspace, context=dataclasses.replace(workspace.context, prefetch=ahead))
        finally:
            with contextlib.suppress(OSError):
                process.stdin.close()
            process.terminate()  # it holds nothing, and may be in the midst of an answer that nobody wants any more


def serve_prefetch(directory: Path, workspace: str | None, asked: IO[bytes], told: IO[bytes]) -> None:
    """Be the other process, until nobody asks any more. It opens no store, which has one writer at a time."""
    project = config.read_project(directory)
    name = choose(project, workspace)
    settings = config.settings(project)
    opened = open_keys_and_log(project, name, start=False)
    try:
        gate = _Gate(opened.log, Gate(settings.ingest), settings.identity, Hasher(opened.keys.hashing))
        prefetch_process.answer(gate, asked, told)
    finally:
        opened.close()
