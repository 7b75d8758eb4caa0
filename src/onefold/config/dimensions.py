"""What `calendar.yaml` says of time, and `privacy.yaml` of personal data; both optional, both read for the warehouse only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, cast

import msgspec

from onefold.config import warehouse
from onefold.config.kinds import Record
from onefold.config.project import ProjectError
from onefold.config.reading import At, Document, Problem, read
from onefold.errors import nearest
from onefold.model import PersonalClass
from onefold.warehouse import views
from onefold.warehouse.calendar import SHAPE, Calendar, Campaign, Drive, Holiday, holiday
from onefold.warehouse.classes import completed
from onefold.warehouse.masking import Role
from onefold.warehouse.personal import CLASSES, Source
from onefold.warehouse.promoted import PREFIX
from onefold.warehouse.relations import EVENT

CALENDAR, PRIVACY = "calendar.yaml", "privacy.yaml"
_OF_PEOPLE = (("golden.profile", "attributes"), ("staging.event", "traits"), ("staging.event", "traits_once"))
_OF_EVENTS = (("staging.event", "properties"),)


class Privacy(msgspec.Struct, frozen=True):
    """What a project says of personal data.

    Attributes:
        classes: The class of columns and of members of JSON columns.
        roles: What readers see, by role.
        retention_us: How long values of a class may be kept, in microseconds.
    """

    classes: Mapping[Source, PersonalClass] = {}
    roles: Mapping[str, Role] = {}
    retention_us: Mapping[PersonalClass, int] = {}


def read_calendar(directory: Path) -> Calendar:
    """The calendar of a project; the plain one where it has none.

    Raises:
        ProjectError: With everything that is wrong with the file.
    """
    document, problems = _document(directory, CALENDAR, warehouse.CALENDAR)
    problems += _calendar_problems(document)
    if problems:
        raise ProjectError(problems)
    value = document.value
    plain = {
        key: value[key] for key in ("fiscal_year_start", "fiscal_year_named", "first_year", "last_year") if key in value
    }
    return Calendar(
        **plain,
        holidays=tuple(Holiday(one["name"], one["when"]) for one in value.get("holidays", ())),
        pledge_drives=tuple(
            Drive(one["name"], date.fromisoformat(one["from"]), date.fromisoformat(one["to"]))
            for one in value.get("pledge_drives", ())
        ),
        campaigns=tuple(map(_campaign, value.get("campaigns", ()))),
    )


def read_privacy(directory: Path) -> Privacy:
    """What a project says of personal data; nothing where it has no such file.

    Raises:
        ProjectError: With everything that is wrong with the file.
    """
    document, problems = _document(directory, PRIVACY, warehouse.PRIVACY)
    problems += _privacy_problems(document)
    if problems:
        raise ProjectError(problems)
    value = document.value
    classes: dict[Source, PersonalClass] = {}
    for key, places in (("attributes", _OF_PEOPLE), ("properties", _OF_EVENTS)):
        for name, personal in value.get(key, {}).items():
            classes.update({(relation, f"{column}.{name}"): personal for relation, column in places})
            if key == "properties":
                of_events = (views.ENGAGEMENT_EVENT.full_name, EVENT.full_name)
                classes.update({(relation, PREFIX + name): personal for relation in of_events})
    for name, personal in value.get("columns", {}).items():
        schema, relation, column = name.split(".", 2)
        classes[f"{schema}.{relation}", column] = personal
    roles = {
        name: Role(cast("Mapping[PersonalClass, Any]", masks or {})) for name, masks in value.get("roles", {}).items()
    }
    return Privacy(completed(views.RELATIONS, classes), roles, value.get("retention", {}))


def _document(directory: Path, file: str, kind: Record) -> tuple[Document, list[Problem]]:
    problems = list[Problem]()
    path = directory / file
    return (read(path, file, kind, problems) if path.exists() else Document(file, {}, {})), problems


def _campaign(said: dict[str, Any]) -> Campaign:
    start, end = (None if key not in said else date.fromisoformat(said[key]) for key in ("from", "to"))
    return Campaign(
        said["code"],
        said["name"],
        said.get("type"),
        said.get("channel"),
        start,
        end,
        said.get("audience"),
        said.get("goal"),
    )


def _calendar_problems(document: Document) -> Iterator[Problem]:
    value = document.value
    if value.get("first_year", 2000) > value.get("last_year", 2040):
        yield document.problem(("first_year",), "`first_year` comes after `last_year`")
    for index, one in enumerate(value.get("holidays") or ()):
        try:
            holiday((one or {}).get("when") or "easter", 2026)
        except ValueError:
            yield document.problem(("holidays", index, "when"), f"`holidays[{index}].when` is none of {SHAPE}")
    for key in ("pledge_drives", "campaigns"):
        for index, one in enumerate(value.get(key) or ()):
            yield from _period_problems(document, (key, index), one or {})
    seen = set[str]()
    for index, one in enumerate(value.get("campaigns") or ()):
        code = (one or {}).get("code")
        if code in seen:
            yield document.problem(("campaigns", index, "code"), f"the campaign `{code}` is there twice")
        seen |= {code} if code else set()


def _period_problems(document: Document, at: At, said: dict[str, Any]) -> Iterator[Problem]:
    found = []
    for key in ("from", "to"):
        if said.get(key):
            try:
                found.append(date.fromisoformat(said[key]))
            except ValueError:
                yield document.problem((*at, key), f"`{said[key]}` is not a day of the calendar")
    if len(found) == 2 and found[0] > found[1]:
        yield document.problem((*at, "to"), "it ends before it begins")


def _privacy_problems(document: Document) -> Iterator[Problem]:
    known = dict(views.RELATIONS)
    for name in document.value.get("columns") or {}:
        at: At = ("columns", name)
        parts = name.split(".", 2)
        relation = known.get(".".join(parts[:2]))
        if len(parts) < 3:
            yield document.problem(at, f"`{name}` is not schema, relation and column, such as `golden.profile.stage`")
        elif parts[0] == "marts":
            yield document.problem(at, f"say in the model's description what `{name}` tells of people")
        elif relation is None:
            yield document.problem(
                at, f"there is no relation `{'.'.join(parts[:2])}`{nearest('.'.join(parts[:2]), known)}"
            )
        elif relation.column(parts[2].partition(".")[0]) is None:
            near = nearest(parts[2], [column.name for column in relation.columns])
            yield document.problem(at, f"`{relation.full_name}` has no column `{parts[2]}`{near}")
    for name, masks in (document.value.get("roles") or {}).items():
        role = Role(cast("Mapping[PersonalClass, Any]", masks or {}))
        for of, mask in (masks or {}).items():
            if of in CLASSES and (seen := role.mask(of)) != mask:
                message = f"`{of}` is shown more plainly than a class below it, so it would be `{seen}`: say that of it"
                yield document.problem(("roles", name, of), message)
    for name in document.value.get("retention") or {}:
        if name not in warehouse.CLASSES:
            near = nearest(name, warehouse.CLASSES)
            yield document.problem(("retention", name), f"there is no class `{name}`{near}")
