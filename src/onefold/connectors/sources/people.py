"""People in a sheet: which columns name the person of a row, describe them, or name a second person."""

from __future__ import annotations

import re
from collections.abc import Sequence

from onefold.connectors.sources.language import Field, Fields, Mapping
from onefold.connectors.sources.samples import is_name, is_salutation
from onefold.connectors.sources.sheet import Sheet, share

_ROLES = ("", "buyer", "billing", "shipping", "other", "work")
"""Whose columns name the person of a row, likeliest first."""

_SECOND = ("buyer", "spouse", "person2")
_ID_KINDS = (
    "constituent_id", "contact_id", "customer_id", "donor_id", "member_id", "subscriber_id", "student_id", "user_id",
    "person_id", "record_id",
)  # fmt: skip
_GLOBAL_IDS = ((re.compile(r"cus_[A-Za-z0-9]+"), "stripe.customer_id"),)
"""Ids that no two systems give alike, by their form, and the type they have in every source."""

_EMAIL_NAMED, _EMAIL_FOUND, _PHONE_NAMED, _NAMES, _DATES_FEW = 0.5, 0.8, 0.6, 0.8, 0.25
_SALUTATIONS = 0.5
_ADDRESS = ("street", "street2", "city", "state", "postal_code", "country")
_WORDS = ("salutation", "first_name", "middle_name", "last_name", "name", "name_suffix")
_UNSPECIFIED = ("unspecified", "unknown", "not specified")


def role_of_main(sheet: Sheet) -> str:
    """Whose e-mail, phone or id names the person of a row: the row's own, else the buyer's, and so on."""
    for role in _ROLES:
        for concept in ("email", "phone", "mobile", "person_id"):
            if sheet.find(concept, (role,), holds=lambda s: not s.empty or not s.rows):
                return role
    return ""


def identifiers_of(sheet: Sheet, role: str, *, of_facts: bool) -> Fields:
    """The identifiers of a row's person: the id their system gives them, their e-mail addresses and phones."""
    found: list[tuple[str, Field]] = []
    if not role or role in ("buyer", "billing"):
        found += _own_id(sheet, of_facts=of_facts)
    found += emails_of(sheet, (role,) if of_facts or role else ("", "other", "work"))
    if not any(name == "email" for name, _ in found):
        found += _emails_by_value(sheet)
    for name in (*sheet.find("mobile", (role, "other")), *sheet.find("phone", (role, "other"))):
        sample = sheet.samples[name]
        if sample.empty or sample.phones() >= _PHONE_NAMED:
            if sheet.shared(name):
                sheet.notes[name] = "not taken for a person's: few numbers stand in many rows"
                continue
            found.append(("phone", Field((sheet.take(name, _told(sample.phones(), len(sample.values), "numbers")),))))
    return tuple(found)


def _own_id(sheet: Sheet, *, of_facts: bool) -> list[tuple[str, Field]]:
    named = sorted(
        sheet.find("person_id", holds=lambda s: not s.empty or not s.rows),
        key=lambda name: (_ID_KINDS.index(sheet.headings[name].kind), -sheet.samples[name].filled),
    )
    if not named and not of_facts:
        named = sheet.find("id", holds=lambda s: s.unique and (s.filled > 0.9 or not s.rows) and not s.emails())
    for name in named:
        sample, kind = sheet.samples[name], f".{sheet.headings[name].kind}"
        for form, type_ in _GLOBAL_IDS:
            if sample.values and all(form.fullmatch(value) for value in sample.distinct):
                kind = type_
        unlike = "" if sample.unique else f", {len(set(sample.values)):,} different"
        sheet.take(name, f"filled in {share(sample.filled)} of {sample.rows:,} rows{unlike}")
        return [(kind, Field((name,)))]
    return []


def emails_of(sheet: Sheet, roles: Sequence[str]) -> list[tuple[str, Field]]:
    """The columns of e-mail addresses of these roles, when their cells are addresses."""
    found = []
    for name in sheet.find("email", roles):
        sample = sheet.samples[name]
        part = sample.emails()
        if sample.empty or part >= _EMAIL_NAMED:
            sheet.take(name, _told(part, len(sample.values), "e-mail addresses"))
            found.append(("email", Field((name,), split=sample.several())))
        else:
            sheet.notes[name] = f"not taken for e-mail: {share(part)} of {len(sample.values):,} cells are addresses"
    return found


def _emails_by_value(sheet: Sheet) -> list[tuple[str, Field]]:
    """A column whose cells are addresses whatever its name, unless its name gives it to somebody else."""
    for sample in list(sheet.free()):
        heading = sheet.headings[sample.name]
        if heading.role in ("", "other") and sample.emails() >= _EMAIL_FOUND and not _of_others(sample.name):
            sheet.take(sample.name, _told(sample.emails(), len(sample.values), "e-mail addresses"))
            return [("email", Field((sample.name,), split=sample.several()))]
    return []


def _of_others(name: str) -> bool:
    return bool(
        re.search(
            r"owner|assign|manager|agent|staff|creat|modif|referr|spouse|parent|sponsor|\bto\b|bcc|\bcc\b",
            name,
            re.IGNORECASE,
        )
    )


def fields_of(sheet: Sheet, role: str) -> Fields:
    """The attributes of a row's person; an address is taken whole, from the side of them that has one."""
    found: list[tuple[str, Field]] = []
    roles = (role, "") if role == "buyer" else (role,) if role else ("", "billing")
    for concept in _WORDS:
        for name in sheet.find(concept, roles)[:1]:
            sample = sheet.samples[name]
            if concept.endswith("name") and sample.values and sample.share(is_name) < _NAMES:
                sheet.notes[name] = f"not taken for names: {share(sample.share(is_name))} of the cells look like one"
                continue
            if concept == "salutation" and sample.values and sample.share(is_salutation) < _SALUTATIONS:
                continue  # a `Title` is as often what somebody does, and stays as it is named
            found.append((concept, Field((sheet.take(name),))))
    for name in sheet.find("birthday", roles)[:1]:
        birthday = sheet.date(name, cast="date", least=_DATES_FEW)
        if birthday is not None:
            found.append(("birthday", birthday))
    found += [("gender", Field((sheet.take(n),), unknown=_UNSPECIFIED)) for n in sheet.find("gender", roles)[:1]]
    found += _address(sheet, role)
    for concept in ("company", "job_title", "language"):
        found += [(concept, Field((sheet.take(name),))) for name in sheet.find(concept, roles)[:1]]
    return tuple(found)


def _address(sheet: Sheet, main: str) -> list[tuple[str, Field]]:
    for role in dict.fromkeys((main, *_ROLES)):
        columns = {
            concept: names[0]
            for concept in _ADDRESS
            if (names := sheet.find(concept, (role,), holds=lambda s: not s.rows or not s.empty))
        }
        if "state" in columns and sheet.has_word("latitude", "optinip", "gmtoff"):
            # The region beside a latitude is where an IP address was, not where somebody lives.
            del columns["state"]
        if columns:
            return [(concept, Field((sheet.take(name),))) for concept, name in columns.items()]
    return []


def second_people(sheet: Sheet, main: str) -> tuple[Mapping, ...]:
    """A statement for each further person of a row who has an e-mail address of their own."""
    found = []
    for role in _SECOND:
        if role == main:
            continue
        emails = emails_of(sheet, (role,))
        if emails:
            words = tuple(
                (concept, Field((sheet.take(names[0]),)))
                for concept in (*_WORDS, *_ADDRESS)
                if (names := sheet.find(concept, (role,)))
            )
            found.append(Mapping(identifiers=tuple(emails), traits=words))
    return tuple(found)


def _told(part: float, count: int, what: str) -> str:
    return f"{share(part)} of {count:,} cells are {what}" if count else ""
