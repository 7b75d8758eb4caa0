"""Recognition: which system a file is an export of, by its header, and the preset fitted to the file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from onefold.connectors.sources import mapping as mappings
from onefold.connectors.sources.cells import Columns, text_of
from onefold.connectors.sources.consent_columns import consents
from onefold.connectors.sources.consent_words import Answer, reading
from onefold.connectors.sources.language import Condition, Field, Fields, Mapping
from onefold.connectors.sources.samples import dates, formats, numbers
from onefold.connectors.sources.sheet import Sheet, share

_SHARE_OF_WORDS = 0.5
_MONEY = ("amount", "revenue", "total", "value")


@lru_cache(maxsize=1)
def _known() -> tuple[Mapping, ...]:
    """The presets that know their files, those that ask for the most columns first."""
    found = [mappings.preset(name) for name in mappings.presets()]
    return tuple(sorted((m for m in found if m.recognise), key=lambda m: -len(m.recognise)))


def preset_of(sheet: Sheet) -> Mapping | None:
    """The preset whose columns are all there and say what it takes them for; of several the one that asks for the most."""
    columns = Columns(sheet.header, file="", strict=False)
    return next(
        (
            m
            for m in _known()
            if all(columns.find(names) is not None for names in m.recognise) and _answers(m, sheet, columns)
        ),
        None,
    )


def _answers(preset: Mapping, sheet: Sheet, columns: Columns) -> bool:
    """Whether the words of the columns that say yes or no are answers: a `State` of `NY` shows another system."""
    for statement in preset.stated:
        for _, field in statement.consent:
            place = columns.find(field.columns)
            if field.reads == "opt_in" and place is not None:
                answer, words = reading(field), sheet.samples[sheet.header[place]].values
                unread = sum(answer(word) is Answer.UNREADABLE for word in words)
                if unread > len(words) * _SHARE_OF_WORDS:
                    return False
    return True


def fitted(preset: Mapping, sheet: Sheet) -> Mapping:
    """A preset with the forms of dates and numbers that this file has, and consents that the preset does not name."""
    columns = Columns(sheet.header, file=preset.file, strict=False)
    fit = _Fit(sheet, columns)
    for statement in preset.stated:
        fit.take(statement)
    for entry in preset.skip:
        fit.conditions(entry.when)
    extra: Fields = tuple(consents(sheet.free()))
    for _, field in extra:
        sheet.take(field.columns[0])

    def fit_one(statement: Mapping) -> Mapping:
        main = statement.others != "drop"
        return msgspec.structs.replace(
            statement,
            timestamp=None if statement.timestamp is None else fit.field(statement.timestamp),
            traits=fit.fields(statement.traits),
            properties=fit.currency(fit.fields(statement.properties)),
            consent=fit.present(statement.consent) + (extra if main else ()),
            identifiers=fit.present(statement.identifiers),
            id=fit.present(statement.id),
        )

    if preset.statements:
        return msgspec.structs.replace(preset, statements=tuple(map(fit_one, preset.statements)), recognise=())
    return msgspec.structs.replace(fit_one(preset), recognise=())


class _Fit:
    """Fits fields to the cells of a sheet."""

    def __init__(self, sheet: Sheet, columns: Columns) -> None:
        self._sheet = sheet
        self._columns = columns

    def take(self, statement: Mapping) -> None:
        for field in statement.fields():
            self._take(field.columns)
            for names in field.join:
                self._take(names)
            self.conditions(field.when)
        self.conditions(statement.when)

    def conditions(self, when: Sequence[Condition]) -> None:
        for condition in when:
            self._take(condition.columns)

    def _take(self, names: Sequence[str]) -> None:
        place = self._columns.find(names)
        if place is not None:
            self._sheet.taken.add(self._sheet.header[place])

    def present(self, fields: Fields) -> Fields:
        """The fields whose columns the file has, under the names it has for them."""
        found = []
        for name, field in fields:
            if field.constant:
                found.append((name, field))
                continue
            places = [self._columns.find(names) for names in (field.join or (field.columns,))]
            named = [(self._sheet.header[place],) for place in places if place is not None]
            if named and places[0] is not None:
                found.append((name, self._named(field, named)))
        return tuple(found)

    def _named(self, field: Field, named: Sequence[tuple[str]]) -> Field:
        if field.join and len(named) > 1:
            return msgspec.structs.replace(field, join=tuple(named))
        return msgspec.structs.replace(field, columns=named[0], join=())

    def fields(self, fields: Fields) -> Fields:
        return tuple((name, self.field(field)) for name, field in self.present(fields))

    def field(self, field: Field) -> Field:
        """The field with the form that its cells have, where it names none."""
        if field.constant or field.cast not in ("date", "datetime", "decimal"):
            return field
        present = self.present((("", field),))
        if not present:
            return field
        field = present[0][1]
        bound = self._columns.fetch(field)
        if bound is None:
            return field
        place, fetch = bound
        cells = [text_of(row[place] if fetch is None else fetch(row)).strip() for row in self._sheet.rows]
        cells = [cell for cell in cells if cell]
        if not cells:
            return field
        name = (field.join[0] if field.join else field.columns)[0]
        if field.cast == "decimal":
            found = numbers(cells)
            self._sheet.notes[name] = f"{share(found.share)} of {len(cells):,} cells are numbers"
            return msgspec.structs.replace(field, decimal_comma=found.comma)
        forms = dates(cells)
        if field.formats != ("auto",) or not forms.formats:
            return field
        told = f"{share(forms.share)} of {len(cells):,} cells are dates"
        self._sheet.notes[name] = told + (
            "; none says which of day and month is first, so month" if forms.ambiguous else ""
        )
        return msgspec.structs.replace(field, formats=formats(forms, cells, of_day=field.cast == "date"))

    def currency(self, properties: Fields) -> Fields:
        """The currency that the cells of the money show, where no column states one."""
        if any(name == "currency" for name, _ in properties):
            return properties
        for name, field in properties:
            if name in _MONEY and field.columns:
                shown = numbers(self._sheet.samples[field.columns[0]].values).currency
                if shown:
                    return (*properties, ("currency", Field(value=shown)))
        return properties
