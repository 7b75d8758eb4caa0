"""A change of identity.yaml that is only supposed: what the file would say with it, checked as the file is."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from onefold.config import files
from onefold.config.match_keys import Matching, matching
from onefold.config.project import ProjectError
from onefold.config.reading import Problem, read
from onefold.config.settings import identity_settings
from onefold.config.stages import identity_problems, stages
from onefold.identity.settings import IdentitySettings

FILE = "identity.yaml"


def supposed(directory: Path, changed: Mapping[str, Any]) -> tuple[IdentitySettings, Matching | None]:
    """What identity.yaml would mean with these keys in the place of its own; maps are merged key by key.

    Raises:
        ProjectError: Something of it cannot be used; lines are those of the whole as it would be written.
    """
    problems: list[Problem] = []
    path = directory / FILE
    stated = read(path, FILE, files.IDENTITY, problems).value if path.exists() else {}
    if problems:
        raise ProjectError(problems)
    if changed:
        raw = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
        with tempfile.TemporaryDirectory() as folder:
            other = Path(folder) / FILE
            other.write_text(yaml.safe_dump(merged(raw or {}, changed), sort_keys=False), encoding="utf-8")
            document = read(other, FILE, files.IDENTITY, problems)
            problems.extend(identity_problems(document))
        if problems:
            raise ProjectError(problems)
        stated = document.value
    return identity_settings(stages({}, {}, stated, {}, ())), matching(stated.get("match"))


def merged(stated: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """These keys in the place of those stated; maps are merged key by key."""
    both = dict(stated)
    for key, value in changed.items():
        there = both.get(key)
        both[key] = merged(there, value) if isinstance(there, Mapping) and isinstance(value, Mapping) else value
    return both
