"""Where the commands of a page run: a folder, an environment, and what stands in for names that a reader replaces."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

SECONDS = 280.0
"""How long a command may take, and how long one that does not end may take to say something."""


Condition = Callable[["Shell", str], bool]
"""Whether a command that does not end has come far enough, given what it has printed."""


class Shell:
    """Runs commands of a page as a reader would, who has installed Onefold.

    Attributes:
        names: What the page's own names (a port, a host) are here.
        port: Where the page's server listens.
        write_key: A key that may send to it; empty if no page needs one.
    """

    def __init__(self, folder: Path, **environment: str) -> None:
        """A shell in `folder`."""
        self.folder = folder
        self.port, self.write_key = 0, ""
        self.names: dict[str, str] = {}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = os.environ | {"PATH": path, "COLUMNS": "200"} | environment

    def said(self, text: str) -> str:
        """The text with our names in place of the page's."""
        for theirs, ours in self.names.items():
            text = text.replace(theirs, ours)
        return text

    def write(self, file: str, text: str) -> None:
        """Write a file that the page shows."""
        (self.folder / file).write_text(self.said(text), encoding="utf-8")

    def run(self, command: str, *, exit_code: int = 0) -> str:
        """Run a command to its end; what it printed, both ways."""
        done = subprocess.run(
            ["bash", "-ec", self.said(command)], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=SECONDS,
        )  # fmt: skip
        assert done.returncode == exit_code, f"{command}\n{done.stdout}"
        return done.stdout

    def watch(self, command: str, until: Condition) -> str:
        """Run a command that does not end until the condition holds, then end it as Ctrl-C does; what it printed."""
        with subprocess.Popen(
            ["bash", "-c", f"exec {self.said(command)}"], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        ) as process:  # fmt: skip
            try:
                shown = self._shown(process, until, command)
                process.send_signal(signal.SIGINT)
                rest, _ = process.communicate(timeout=SECONDS)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
        assert process.returncode in {0, 130, -signal.SIGINT}, f"{command}\n{(shown + rest).decode()}"
        return (shown + rest).decode()

    def _shown(self, process: subprocess.Popen[bytes], until: Condition, command: str) -> bytes:
        shown, deadline = b"", time.monotonic() + SECONDS
        assert process.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(process.stdout, selectors.EVENT_READ)
            while not until(self, shown.decode(errors="replace")):
                assert time.monotonic() < deadline, f"{command} did not come to what was waited for:\n{shown.decode()}"
                if ready.select(0.2):
                    piece = os.read(process.stdout.fileno(), 65_536)
                    assert piece, f"{command} ended:\n{shown.decode()}"
                    shown += piece
        return shown
