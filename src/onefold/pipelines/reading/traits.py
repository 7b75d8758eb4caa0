"""Computed traits as they are configured: what each means, whether it holds all events yet, and which rules read it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from onefold.audiences.definition import Definition
from onefold.model import results
from onefold.pipelines.audiences.applying import current
from onefold.pipelines.context import Context
from onefold.profiles.computed import begun
from onefold.profiles.computed.plan import base_of
from onefold.profiles.computed.trait import FIELD, Trait
from onefold.rules import explain
from onefold.rules.tree import Field, walk


def traits(context: Context) -> list[results.TraitDefinition]:
    """All of them, in the order of their files."""
    with context.store.snapshot() as snapshot:
        known = begun.read(snapshot.kept())
        _, segments = current(snapshot)
    readers = _readers(context, segments.values())
    return [
        _definition(trait, known.get(base_of(trait.aggregate)), readers.get(trait.name, []))
        for trait in context.profiles.traits
    ]


def _readers(context: Context, segments: Iterable[Definition]) -> dict[str, list[str]]:
    """By trait, whose rules name it: lifecycle stages, and segments that hold."""
    lifecycle = context.profiles.lifecycle
    read = {f"stage {s.name}": rule.fields for s, rule in zip(lifecycle.stages, lifecycle.rules, strict=True)}
    for segment in segments:
        expr = segment.expr()
        named = set() if expr is None else {one.name for one in walk(expr) if isinstance(one, Field)}
        by = set() if segment.top is None else {segment.top.by}
        read[f"segment {segment.slug}"] = frozenset(named | by)
    found: dict[str, list[str]] = {}
    for reader, fields in read.items():
        for name in fields:
            if name.startswith(FIELD):
                found.setdefault(name.removeprefix(FIELD), []).append(reader)
    return found


def _definition(trait: Trait, kept: begun.Begun | None, readers: Sequence[str]) -> results.TraitDefinition:
    return results.TraitDefinition(
        name=trait.name,
        function=trait.aggregate.function,
        means=explain(trait.aggregate),
        kind=trait.kind,
        status="new" if kept is None or kept.gone else "live" if kept.live else "backfilling",
        fingerprint=trait.fingerprint,
        description=trait.description,
        owner=trait.owner,
        file=trait.file,
        line=trait.line,
        read_by=tuple(readers),
    )
