"""What a project's files say and nobody does yet: fields of rules that differ from those that a running server binds.

A server binds rules to the traits and RFM definitions that it was started with, and to the segments that were applied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from onefold.audiences.definition import Definition
from onefold.audiences.ruleset import IN_SEGMENT
from onefold.config import Project
from onefold.pipelines.context import Context
from onefold.profiles.computed.trait import FIELD as TRAIT
from onefold.rfm.fields import score_fields

START = "the files say otherwise than what this server was started with; start it again"
APPLY = "the files say otherwise than what was applied; plan and apply them"


def unapplied(project: Project, context: Context, applied: Mapping[str, Definition]) -> dict[str, str]:
    """By field, what has to be done so that it is as the files say.

    Args:
        project: The files as they are now.
        context: What a server was started with.
        applied: The segments that hold, by slug.
    """
    traits = (
        {f"{TRAIT}{one.name}": one.fingerprint for one in some} for some in (project.traits, context.profiles.traits)
    )
    scores = (
        {name: one.fingerprint for one in some for name in score_fields([one])} for some in (project.rfm, context.rfm)
    )
    segments = (
        {f"{IN_SEGMENT}{one.slug}": one.fingerprint() for one in some if one.status == "active"}
        for some in (project.segments, applied.values())
    )
    found = dict.fromkeys([*_differing(*traits), *_differing(*scores)], START)
    return found | dict.fromkeys(_differing(*segments), APPLY)


def _differing(ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))


def told(names: Iterable[str], differing: Mapping[str, str]) -> tuple[str, ...]:
    """A sentence about each of these fields that differs."""
    return tuple(f"`{name}` is not applied yet: {differing[name]}." for name in sorted(differing.keys() & set(names)))
