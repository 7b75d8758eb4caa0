"""Computed traits as they are configured: what each means, whether it holds all events yet, and which rules read it."""

from __future__ import annotations

from onefold.model import results
from onefold.pipelines.context import Context
from onefold.profiles.computed import begun
from onefold.profiles.computed.plan import base_of
from onefold.profiles.computed.trait import FIELD, Trait
from onefold.rules import explain


def traits(context: Context) -> list[results.TraitDefinition]:
    """All of them, in the order of their files."""
    with context.store.snapshot() as snapshot:
        known = begun.read(snapshot.kept())
    return [_definition(context, trait, known.get(base_of(trait.aggregate))) for trait in context.profiles.traits]


def _definition(context: Context, trait: Trait, kept: begun.Begun | None) -> results.TraitDefinition:
    lifecycle = context.profiles.lifecycle
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
        read_by=tuple(
            f"stage {stage.name}"
            for stage, rule in zip(lifecycle.stages, lifecycle.rules, strict=True)
            if f"{FIELD}{trait.name}" in rule.fields
        ),
    )
