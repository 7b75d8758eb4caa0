"""Blocking a value: one more entry under `blocked.values` of a project's identity.yaml, the rest as it stands."""

from __future__ import annotations

from pathlib import Path

from onefold.config.identity_change import FILE
from onefold.config.identity_text import with_item
from onefold.config.project import read_project


def block(directory: Path, value: str) -> None:
    """Add a value to those that never identify anybody; nothing where it is among them.

    Raises:
        UsageError: The file is written in a way that only a person can edit; it was left as it was.
        ConfigurationError: The project has problems.
    """
    if value.lower() in {known.lower() for known in read_project(directory).stages.blocked_values}:
        return
    path = directory / FILE
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(with_item(text, ("blocked", "values"), value), encoding="utf-8")
