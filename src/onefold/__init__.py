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
    from onefold.matching.trained import Known

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


def match(
    frame: Any,
    settings: MatchSettings | None = None,
    *,
    ignored: Sequence[str] = (),
    model: Known | None = None,
    engine: str | None = None,
) -> Match:
    """Find which records of a table are the same person. It needs the extra `matching`.

    Args:
        frame: A table of Arrow, Polars or pandas; with an engine, the name of a table there.
        settings: How it is matched.
        ignored: Columns that count for nothing.
        model: What was learned before (`Match.model`); nothing is learned then.
        engine: Address of Spark (`sc://host:15002`, `env:NAME`), where the table is matched by the model where it stands.

    Raises:
        ConfigurationError: The extra is not installed, here or there.
        UnavailableError: The engine does not answer.
        UsageError: It is not a table; nothing tells people apart; a table of an engine is given without a model.
    """
    from onefold import bootstrap  # noqa: PLC0415  see above

    if engine is not None:
        return bootstrap.match_there(engine, frame, settings, model=model)
    return bootstrap.match_frame(frame, settings, ignored=ignored, model=model)
