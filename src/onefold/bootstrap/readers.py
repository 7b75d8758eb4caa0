"""Readers: who sees what of a project's warehouse, as its files say it now."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from onefold.bootstrap.modelling import project_models, project_traits
from onefold.config.dimensions import PRIVACY, Privacy, read_privacy
from onefold.config.traits import FOLDER as TRAITS
from onefold.errors import UsageError, nearest
from onefold.governance.roles import ROLES
from onefold.pipelines.reading.analysis import Past, ReaderWarehouse
from onefold.ports.warehouse import Warehouse
from onefold.rules import Aggregate
from onefold.warehouse.masking import Role
from onefold.warehouse.models.binding import BoundModels

Stamp = tuple[tuple[str, int, int], ...]


class Readers:
    """Gives readers of one project's warehouse their sight of it. Safe for threads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._read: tuple[Stamp, BoundModels, Privacy, Mapping[str, Aggregate]] | None = None

    def require(self, role: str | Role | None) -> Role | None:
        """The role of a name, if it is one: of the project, or of those that every project has.

        Raises:
            ConfigurationError: A model or `privacy.yaml` is wrong.
            UsageError: There is no such role.
        """
        _, privacy, _ = self._project()
        if not isinstance(role, str):
            return role
        if role in privacy.roles:
            return privacy.roles[role]
        builtin = next((one for name, one in ROLES.items() if name == role), None)
        if builtin is None:
            raise UsageError(f"{PRIVACY} has no role `{role}`{nearest(role, [*privacy.roles, *ROLES]) or '.'}")
        return Role(builtin.masks)

    def warehouse(self, under: Warehouse, role: str | Role | None = None, past: Past | None = None) -> ReaderWarehouse:
        """The warehouse with the project's views, as a role of `privacy.yaml` sees it; None sees all there is.

        Raises:
            ConfigurationError: A model or `privacy.yaml` is wrong.
            UsageError: There is no such role.
        """
        found = self.require(role)
        models, privacy, traits = self._project()
        return ReaderWarehouse(under, models, privacy.classes, datetime.now(UTC), found, past, traits)

    def _project(self) -> tuple[BoundModels, Privacy, Mapping[str, Aggregate]]:
        """Models, classes and traits, read again when one of their files is another."""
        with self._lock:
            stamp = _stamp(self._directory)
            if self._read is None or self._read[0] != stamp:
                traits = project_traits(self._directory)
                self._read = stamp, project_models(self._directory), read_privacy(self._directory), traits
            return self._read[1:]


def _stamp(directory: Path) -> Stamp:
    files = [directory / PRIVACY, directory / "profile.yaml", *sorted((directory / TRAITS).glob("*.yaml"))]
    files += sorted((directory / "models").rglob("*"))
    found = [(path, path.stat()) for path in files if path.is_file()]
    return tuple((str(path), status.st_mtime_ns, status.st_size) for path, status in found)
