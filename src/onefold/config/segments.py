"""Segments as configured: what a project's `segments/*.yaml` say, each rule read and bound to the fields that there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from onefold.audiences.definition import Definition, Top
from onefold.audiences.ruleset import IN_SEGMENT, STAGE_FIELD, SegmentError, ruleset, top_fault
from onefold.config.kinds import Boolean, Duration, Either, Field, Free, Integer, ListOf, MapOf, Record, Text
from onefold.config.reading import At, Document, Problem, read, read_bytes
from onefold.errors import nearest
from onefold.profiles.computed.trait import Trait, trait_fields
from onefold.profiles.lifecycle import FIELDS
from onefold.rfm import Definition as RfmDefinition
from onefold.rfm.fields import score_fields
from onefold.rules import RuleError, bind
from onefold.rules.binding import FieldKind, Fields

FOLDER = "segments"
SLUG = Text(
    pattern=r"^[a-z][a-z0-9_]{0,62}$",
    shape="a name of lower-case letters, digits and `_`, starting with a letter",
)
_RULE = Either(scalar=Text(), mapping=Free())
_SEGMENT = Record(
    {
        "rule": Field(_RULE, "Who is in it, as text or in the JSON form; a static segment has none."),
        "kind": Field(
            Text(("realtime", "scheduled", "static")),
            "`realtime`: kept with each event. `scheduled`: worked out at intervals. `static`: a list of identifiers that "
            "is uploaded. `realtime` when left out.",
        ),
        "status": Field(
            Text(("draft", "active", "archived")), "`draft` and `archived` segments have no members; `active`."
        ),
        "description": Field(Text(), "What it is for."),
        "owner": Field(Text(), "Who answers for it; the file's when left out."),
        "tags": Field(ListOf(Text()), "Words to find it by, beside the file's."),
        "every": Field(Duration(), "How often a scheduled segment is worked out; `1d` when left out."),
        "top": Field(
            Record(
                {
                    "percent": Field(Integer(1, 99), "How many of those for whom the rule is true.", required=True),
                    "by": Field(Text(), "The number that counts, such as `revenue`.", required=True),
                }
            ),
            "Of a scheduled segment: only the people with the largest values. People of equal values are all in it, or none.",
        ),
        "exclude": Field(ListOf(SLUG), "Segments whose members are not in this one."),
        "suppression": Field(Boolean(), "Of a static segment: whether its members are in no other segment; false."),
    }
)
SEGMENTS = Record(
    {
        "owner": Field(Text(), "Who answers for the segments of this file."),
        "tags": Field(ListOf(Text()), "Words to find them by."),
        "segments": Field(
            MapOf(Either(scalar=Text(), mapping=_SEGMENT)),
            "Segments by their slug: a rule alone, or with what else there is to say.",
            required=True,
        ),
    }
)


def read_segments(
    directory: Path,
    traits: Sequence[Trait],
    rfm: Sequence[RfmDefinition],
    problems: list[Problem],
    instead: Mapping[str, bytes | None] = MappingProxyType({}),
) -> tuple[Definition, ...]:
    """The segments of a project, in order of files and lines; whatever is wrong is added to `problems`.

    Rules can read these traits, and scores of these RFM definitions. Files named in `instead` are read as if they held
    this, or were not there.
    """
    folder = directory / FOLDER
    names = {path.name for path in folder.glob("*.yaml")} | instead.keys()
    documents = []
    for name in sorted(names):
        if name not in instead:
            documents.append(read(folder / name, f"{FOLDER}/{name}", SEGMENTS, problems))
        elif (raw := instead[name]) is not None:
            documents.append(read_bytes(raw, f"{FOLDER}/{name}", SEGMENTS, problems))
    found: dict[str, tuple[Document, Definition]] = {}
    broken = len(problems)
    for document in documents:
        for slug, said in (document.value.get("segments") or {}).items():
            at: At = ("segments", slug)
            definition = _definition(document, slug, said)
            if slug in found:
                there = found[slug][1]
                message = f"the segment `{slug}` is already in {there.file}:{there.line}"
                problems.append(document.problem(at, message))
                continue
            problems.extend(document.problem((*at, *where), message) for where, message in _faults(slug, said or {}))
            if definition is not None:
                found[slug] = document, definition
    if len(problems) == broken:
        problems.extend(_rule_problems(found, segment_fields(traits, rfm)))
    return tuple(definition for _, definition in found.values())


def _definition(document: Document, slug: str, said: Any) -> Definition | None:
    if said is None:
        return None
    own: Mapping[str, Any] = {"rule": said} if isinstance(said, str) else said
    file = document.value
    top = own.get("top")
    rule = own.get("rule")
    kind: Any = own.get("kind") or "realtime"
    if rule is None and kind == "scheduled" and top:
        rule = "true"
    known: dict[str, Any] = {
        "every_us": own.get("every"),
        "top": Top(top["percent"], top["by"]) if top and top.get("percent") and top.get("by") else None,
    }
    return Definition(
        slug=slug,
        rule=rule,
        kind=kind,
        status=own.get("status") or "active",
        description=own.get("description") or "",
        owner=own.get("owner") or file.get("owner") or "",
        tags=tuple(dict.fromkeys((*(file.get("tags") or ()), *(own.get("tags") or ())))),
        exclude=tuple(own.get("exclude") or ()),
        suppression=bool(own.get("suppression")),
        file=document.file,
        line=document.lines.get(("segments", slug), 1),
        **{name: value for name, value in known.items() if value is not None},
    )


def _faults(slug: str, said: Any) -> Iterator[tuple[At, str]]:
    """Contradictions between the keys of a segment."""
    if not is_slug(slug):
        yield (), f"`{slug}` is not {SLUG.shape}"
    if isinstance(said, str):
        return
    kind = said.get("kind") or "realtime"
    if kind == "static":
        for key in ("rule", "exclude"):
            if key in said:
                yield (key,), f"`{slug}` is a list, so it has no `{key}`"
    elif "rule" not in said and not (kind == "scheduled" and "top" in said):
        yield (), f"`{slug}` lacks `rule`: who is in it"
    for key in ("top", "every"):
        if key in said and kind != "scheduled":
            yield (key,), f"`{key}` is for `kind: scheduled`"
    if said.get("suppression") and kind != "static":
        yield ("suppression",), "`suppression` is for `kind: static`"


def is_slug(text: str) -> bool:
    """Whether it can be a segment's name."""
    return bool(text) and (
        text.replace("_", "a").isalnum() and text.islower() and text[0].isalpha() and text.isascii() and len(text) <= 63
    )


def _rule_problems(found: Mapping[str, tuple[Document, Definition]], known: Fields) -> Iterator[Problem]:
    """Rules that cannot be read or bound, exclusions of nobody, and segments that read themselves."""
    active = [definition.slug for _, definition in found.values() if definition.status == "active"]
    fields = rule_fields(active, known)
    wrong = False
    for document, definition in found.values():
        at: At = ("segments", definition.slug)
        for place, message in _own_faults(definition, fields, active):
            wrong = True
            yield document.problem((*at, *place), message)
    if wrong:
        return
    try:
        ruleset((definition for _, definition in found.values()), known)
    except SegmentError as error:
        document, _ = found[error.slug]
        yield document.problem(("segments", error.slug, "rule"), f"`{error.slug}` {error.reason}")


def _own_faults(definition: Definition, fields: Fields, active: Sequence[str]) -> Iterator[tuple[At, str]]:
    slug = definition.slug
    try:
        expr = definition.expr()
        kind = "boolean" if expr is None else bind(expr, fields).kind
    except RuleError as error:
        yield ("rule",), f"the rule of `{slug}`: {error}"
        return
    if kind not in {"boolean", "any"}:
        yield ("rule",), f"the rule of `{slug}` gives a {kind}, not true or false"
    if definition.status != "active":
        return
    for index, other in enumerate(definition.exclude):
        if other not in active:
            yield ("exclude", index), f"there is no active segment `{other}`{nearest(other, active) or '.'}"
    if definition.top is not None and (near := _top_fault(definition.top.by, fields)):
        yield ("top", "by"), near


def _top_fault(by: str, fields: Fields) -> str:
    try:
        return top_fault(by, fields)
    except RuleError as error:
        return str(error)


def segment_fields(traits: Sequence[Trait], rfm: Sequence[RfmDefinition]) -> dict[str, FieldKind]:
    """What a segment's rule can read of a profile: its fields, traits, and RFM scores."""
    return {**FIELDS, **trait_fields(traits), **score_fields(rfm)}


def rule_fields(slugs: Iterable[str], known: Fields) -> dict[str, FieldKind]:
    """The same, with the lifecycle stage, and who is in which other segment."""
    fields: dict[str, FieldKind] = {**known, STAGE_FIELD: "text"}
    for slug in slugs:
        fields[f"{IN_SEGMENT}{slug}"] = "boolean"
    return fields
