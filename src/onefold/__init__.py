"""Onefold: many records, one person. A customer data platform an organisation runs itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importing the package costs nothing until a project is opened
    from collections.abc import Sequence
    from typing import Any

    from onefold.handle import Project
    from onefold.matching.outcome import Match
    from onefold.matching.settings import MatchSettings

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


def match(frame: Any, settings: MatchSettings | None = None, *, ignored: Sequence[str] = ()) -> Match:
    """Find which records of a table are the same person. It needs the extra `matching`.

    Args:
        frame: A table of Arrow, Polars or pandas.
        settings: How it is matched.
        ignored: Columns that count for nothing.

    Raises:
        ConfigurationError: The extra is not installed.
        UsageError: It is not a table; nothing tells people apart.
    """
    from onefold import bootstrap  # noqa: PLC0415  see above

    return bootstrap.match_frame(frame, settings, ignored=ignored)
