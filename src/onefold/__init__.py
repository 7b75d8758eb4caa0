"""Onefold: many records, one person. A customer data platform an organisation runs itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importing the package costs nothing until a project is opened
    from onefold.handle import Project

__version__ = "0.1.0"


def open(directory: str | os.PathLike[str] = ".", workspace: str | None = None, *, role: str | None = None) -> Project:  # noqa: A001  it is called as `onefold.open`
    """Open a project for reading, beside a running server or without one. See `onefold.handle.Project`.

    Args:
        directory: Where the project is.
        workspace: Which of its workspaces; None for the only one.
        role: The role of `privacy.yaml` as which its warehouse is asked; None sees all there is.
    """
    from pathlib import Path  # noqa: PLC0415  see above

    from onefold.handle import Project  # noqa: PLC0415  see above

    return Project(Path(directory), workspace, role)
