"""What parts of a query state, as all dialects read it: units, formats, paths, places. What they cannot read is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from onefold.errors import UsageError
from onefold.rules import patterns

UNITS = frozenset({"year", "quarter", "month", "week", "day", "hour", "minute", "second"})


class Stated:
    """Reads for one engine, by the name that refusals call it."""

    def __init__(self, engine: str) -> None:
        self._engine = engine

    def refused(self, what: str) -> UsageError:
        """The error that tells that a part has no equivalent."""
        return UsageError(f"{self._engine}: {what} has no tried equivalent there; ask it of the embedded warehouse.")

    def unit(self, part: exp.Expr) -> str:
        """The unit of `date_trunc` or `date_diff`."""
        unit = part.args.get("unit")
        word = unit.name.lower() if isinstance(unit, exp.Expr) else "day"
        if word not in UNITS:
            raise self.refused(f"the unit {word} of {part.key}")
        return word

    def minutes_added(self, part: exp.Expr) -> tuple[exp.Expr, exp.Expr]:
        """The time and the number of minutes of a `date_add`; other units are refused."""
        amount, unit = part.expression, part.args.get("unit")
        if isinstance(amount, exp.Interval):
            amount, unit = amount.this, amount.args.get("unit")
        if not isinstance(unit, exp.Expr) or unit.name.lower() != "minute":
            raise self.refused("date_add of this unit")
        return part.this.copy(), exp.paren(amount.copy())

    def field(self, part: exp.Expr) -> tuple[str, exp.Expr]:
        """The field of a time that a part takes, and the time."""
        word = part.this.name.lower() if isinstance(part, exp.Extract) else part.key
        value = part.expression if isinstance(part, exp.Extract) else part.this
        if word not in UNITS - {"second"} | {"dow", "isodow", "doy"}:
            raise self.refused(f"the field {word} of a time")
        return word, value

    def pattern(self, part: exp.Expr, words: Mapping[str, str], letter: Callable[[str], str]) -> str:
        """The format of a `strftime`, in the engine's words; `letter` writes what stands between them."""
        stated = part.args["format"]
        rest, written = stated.name if isinstance(stated, exp.Literal) else "%?", ""
        while rest:
            if rest[0] == "%":
                word, rest = rest[:2], rest[2:]
                if word not in words:
                    raise self.refused(f"the format {word}")
                written += words[word]
            else:
                written, rest = written + letter(rest[0]), rest[1:]
        return written

    def path(self, part: exp.Expr) -> list[str]:
        """The keys of a JSON path, from the outermost; places in lists are refused."""
        path = part.expression
        steps = path.expressions if isinstance(path, exp.JSONPath) else []
        keys = [step for step in steps if not isinstance(step, exp.JSONPathRoot)]
        if not keys or not all(isinstance(step, exp.JSONPathKey) and isinstance(step.this, str) for step in keys):
            raise self.refused("this JSON path")
        return [step.this for step in keys]

    def start(self, part: exp.Expr) -> exp.Expr:
        """Where a substring begins."""
        start: exp.Expr | None = part.args.get("start")
        if not isinstance(start, exp.Literal) or int(start.name) < 1:
            raise self.refused("a substring that does not begin at a stated place, 1 or later")
        return start

    def text(self, part: exp.Expr, what: str) -> str:
        """A text that has to be stated as it is."""
        if not isinstance(part, exp.Literal):
            raise self.refused(what)
        return str(part.name)

    def like(self, part: exp.Expr, escape: str = "") -> exp.Expr:
        r"""The pattern of a LIKE for an engine in which a backslash escapes; `escape` is the query's own such letter.

        In DuckDB a backslash is a letter, which is written `\\` there.
        """
        pattern = self.text(part, "a pattern that is not stated as a text")
        written, rest = "", pattern
        while rest:
            if escape and rest[0] == escape:
                written, rest = written + "\\" + rest[1:2], rest[2:]
            else:
                written, rest = written + ("\\\\" if rest[0] == "\\" else rest[0]), rest[1:]
        return exp.Literal.string(written)

    def common_pattern(self, part: exp.Expr) -> exp.Expr:
        """A regular expression of what all engines read alike. It is stated; anything else is refused."""
        stated = part.expression.name if isinstance(part.expression, exp.Literal) else None
        # A dot is another thing in each engine, so whoever means one says so in letters (`patterns.common`).
        common = stated is not None and patterns.is_common(stated) and patterns.common(stated) == stated
        if part.args.get("flag") or not common:
            raise self.refused("this regular expression")
        return part

    def map_values(self, part: exp.Expr) -> tuple[exp.Expr, str] | None:
        """Of `unnest(map_entries(from_json(…)))`, the JSON and the type of the map's values; None for other lists."""
        entries = part.this
        if not isinstance(entries, exp.Anonymous) or entries.name.lower() != "map_entries":
            return None
        made = entries.expressions[0]
        if not isinstance(made, exp.FromJson):
            return None
        return made.this, str(made.expression.name).rpartition(",")[2].strip(' )"').upper()

    def unnested(self, part: exp.Expr) -> None:
        """Refuse an `unnest` that stands where a relation does."""
        if isinstance(part.parent, exp.Table | exp.From | exp.Join):
            raise self.refused("UNNEST as a relation")

    def named_function(self, part: exp.Expr) -> exp.Expr:
        """Functions that sqlglot does not know; the one of a map is seen to with the `unnest` around it."""
        if part.name.lower() == "map_entries" and isinstance(part.parent, exp.Explode):
            return part
        raise self.refused(f"`{part.name.lower()}`")

    def from_json(self, part: exp.Expr) -> exp.Expr:
        """See `named_function`."""
        around = part.parent
        if isinstance(around, exp.Anonymous) and around.name.lower() == "map_entries":
            return part
        raise self.refused("`from_json`")
