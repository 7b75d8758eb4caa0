"""Sights: what roles see of people, as a project's `privacy.yaml` says it now."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from onefold.config.dimensions import PRIVACY, Privacy, read_privacy
from onefold.errors import ConfigurationError, UnavailableError
from onefold.warehouse.sight import Sight, builtin

_log = logging.getLogger("onefold.sights")


class ProjectSights:
    """Gives roles their sight; the file is read again when it is another. Safe for threads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._read: tuple[tuple[int, int] | None, Privacy] | None = None

    def __call__(self, role: str) -> Sight:
        """The sight of a role: as the file says it, else as every project has it.

        Raises:
            UnavailableError: The file cannot be read; nobody is shown more than it may say.
        """
        privacy = self._privacy()
        masks = privacy.roles.get(role) or builtin(role).role
        return Sight(masks, privacy.classes)

    def _privacy(self) -> Privacy:
        file = self._directory / PRIVACY
        with self._lock:
            try:
                status = file.stat()
                stamp = (status.st_mtime_ns, status.st_size)
            except FileNotFoundError:
                stamp = None
            if self._read is None or self._read[0] != stamp:
                try:
                    self._read = stamp, read_privacy(self._directory)
                except ConfigurationError as error:  # somebody is at work on it
                    _log.warning("privacy.yaml cannot be read", extra={"error": str(error)})
                    raise UnavailableError(f"{PRIVACY} cannot be read; see the server's log.") from None
            return self._read[1]
