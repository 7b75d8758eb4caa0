"""A sheet: a file's header with what its names say and what stands in its columns, from which guesses are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from onefold.connectors.sources import headings
from onefold.connectors.sources.casts import CastName
from onefold.connectors.sources.headings import Heading
from onefold.connectors.sources.language import Field
from onefold.connectors.sources.samples import Sample, bare_number, dates, formats, numbers

_DATE_SHARE = 0.9
_EVIDENCE_MIN = 4


class Sheet:
    """The columns of a file that nothing has taken yet, and notes on those that were."""

    def __init__(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Look at a header and the cells of the first rows, as text."""
        self.header = tuple(header)
        self.rows = rows
        self.samples = {
            name: Sample(name, tuple(v for row in rows if place < len(row) and (v := row[place].strip())), len(rows))
            for place, name in enumerate(header)
        }
        self.headings: dict[str, Heading] = {name: headings.read(name) for name in header}
        self.notes: dict[str, str] = {}
        self.taken: set[str] = set()
        self.doubts: list[str] = []

    def take(self, name: str, note: str = "") -> str:
        """Take a column, so that nothing else does."""
        self.taken.add(name)
        if note:
            self.notes[name] = note
        return name

    def free(self) -> Iterable[Sample]:
        """The columns not taken."""
        return (self.samples[name] for name in self.header if name not in self.taken)

    def find(
        self, concept: str, roles: Sequence[str] = ("",), *, holds: Callable[[Sample], bool] | None = None
    ) -> list[str]:
        """The free columns of a concept, those of the first role first, then by rank and slot."""
        found = [
            (roles.index(h.role), h.rank, h.slot, place, name)
            for place, name in enumerate(self.header)
            if (h := self.headings[name]).concept == concept
            and h.role in roles
            and name not in self.taken
            and (holds is None or holds(self.samples[name]))
        ]
        return [name for *_, name in sorted(found)]

    def has_word(self, *words: str) -> bool:
        """Whether the name of a column has one of these words in it."""
        return any(word in headings.folded(name) for name in self.header for word in words)

    def date(self, name: str, *, cast: CastName, least: float = _DATE_SHARE) -> Field | None:
        """A field of dates in the forms that the cells have; None when too few are dates."""
        sample = self.samples[name]
        found = dates(sample.values)
        if found.share < least:
            if not sample.empty:
                self.notes[name] = f"not taken for dates: {share(found.share)} of {len(sample.values):,} cells are"
            return None
        told = f"{share(found.share)} of {len(sample.values):,} cells are dates"
        if found.ambiguous:
            told += "; none says which of day and month is first, so month"
        self.take(name, told)
        stated = formats(found, sample.values, of_day=cast == "date")
        return Field((name,), cast=cast, formats=stated, unreadable="omit")

    def amount(self, name: str) -> tuple[Field, str] | None:
        """A field of money and the currency its cells show; None when they are no numbers."""
        sample = self.samples[name]
        found = numbers(sample.values)
        if found.share < _DATE_SHARE:
            return None
        mark = "decimal comma" if found.comma else "decimal point"
        self.take(name, f"{share(found.share)} of {len(sample.values):,} cells are numbers, {mark}")
        return Field((name,), cast="decimal", decimal_comma=found.comma), found.currency

    def shared(self, name: str) -> bool:
        """Whether the same few values stand in most rows: a switchboard's number, not a person's."""
        values = self.samples[name].values
        return len(values) >= _EVIDENCE_MIN and len(set(values)) * 2 <= len(values)

    def has_amounts(self, name: str) -> bool:
        """Whether most cells are numbers."""
        return numbers([bare_number(v) for v in self.samples[name].values]).share >= _DATE_SHARE


def share(part: float) -> str:
    """A share in percent; never 100 % of what is not all."""
    percent = int(part * 100)
    return f"{percent} %"
