"""Lineage over a whole project: from fields of its sources' files and calls to the columns of its models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from onefold import config
from onefold.bootstrap.modelling import project_models
from onefold.config import Project
from onefold.connectors.sources import language
from onefold.connectors.sources import mapping as mappings
from onefold.warehouse.models import lineage as lineages
from onefold.warehouse.models import provenance
from onefold.warehouse.models.lineage import Tree
from onefold.warehouse.models.provenance import FieldUse, Part

FOLDERS = ("mappings", "files")
"""Where the mapping of a source is looked for, as the source's name with `.yaml`."""


def lineage(directory: Path, column: str, *, rows_too: bool = False) -> tuple[Tree, Tree]:
    """What a column comes from, and what comes from it.

    Raises:
        ConfigurationError: A model or a mapping is wrong.
        UsageError: There is no such column.
    """
    project = config.read_project(directory)
    bound = project_models(directory)
    asked = lineages.find(column, bound.relations)
    of_models = list(lineages.links(bound.models.values()))
    of_files = list(_fields_of_files(project))
    members = {name for _, name in provenance.stated_members(of_models)} | {asked[1]}
    members |= {f"traits.{use.name}" for use in of_files if use.part == "traits"}
    known = [*provenance.links([*of_files, *_fields_of_calls(project, members)]), *of_models]
    return (
        lineages.trace(asked, known, "upstream", rows_too=rows_too),
        lineages.trace(asked, known, "downstream", rows_too=rows_too),
    )


def _fields_of_files(project: Project) -> Iterator[FieldUse]:
    for source in project.sources.values():
        for folder in FOLDERS:
            path = project.directory / folder / f"{source.name}.yaml"
            if path.is_file():
                for statement in mappings.load(path).stated:
                    yield from _stated(source.name, statement)


def _stated(source: str, statement: language.Mapping) -> Iterator[FieldUse]:
    parts: tuple[tuple[Part, language.Fields], ...] = (
        ("identifiers", statement.identifiers), ("traits", statement.traits), ("properties", statement.properties),
        ("consents", statement.consent),
    )  # fmt: skip
    for part, fields in parts:
        for name, field in fields:
            yield from (FieldUse(source, column, part, name) for column in _columns(field))
    if statement.timestamp is not None:
        yield from (FieldUse(source, column, "timestamp") for column in _columns(statement.timestamp))


def _columns(field: language.Field) -> Iterator[str]:
    """The columns of a file that a field takes, each by the first of its names."""
    if field.columns:
        yield field.columns[0]
    yield from (names[0] for names in field.join)


def _fields_of_calls(project: Project, members: set[str]) -> Iterator[FieldUse]:
    """Where SDKs put what they send: any source that they send to may state any attribute or property."""
    for source in project.sources.values():
        if source.kind != "http":
            continue
        for name in sorted(members):
            column, _, member = name.partition(".")
            if member and column in {"attributes", "traits"}:
                yield FieldUse(source.name, f"traits.{member}", "traits", member)
            elif member and column == "properties":
                yield FieldUse(source.name, f"properties.{member}", "properties", member)
        yield FieldUse(source.name, "userId, anonymousId, context.device", "identifiers")
        yield FieldUse(source.name, "timestamp", "timestamp")
