"""Values whose kind is known only when they are there, in SQL: as text with a tag before it that tells the kind.

Engines have no type for what JSON holds that all of them mean alike. So a value is `s…` (a text), `n…` (a number as JSON
writes it), `btrue`, `bfalse`, `l…` (a list as JSON) or `o` (an object), and null where nothing is known. What a rule makes of
it is read from that: null where it is of another kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec
from sqlglot import exp

from onefold.rules import sql_trees as trees
from onefold.rules.time import PLAIN_TIME
from onefold.rules.tree import RuleError
from onefold.rules.values import FURTHEST, PLAIN_NUMBER, TEXT_MAX

_UNUSABLE = frozenset('"\\*')
_SCALE = "1000000000000"
_DATE_LENGTH, _MICROSECONDS_LENGTH = len("2026-01-31"), len("2026-01-31 23:59:59.999999")
_ADDED_MAX = "1000000000000000"


def of_json(column: exp.Expr, path: Sequence[str]) -> exp.Expr:
    """The tagged value of a member of a JSON object; of nested ones, the path leads to it.

    Raises:
        RuleError: A name has a character that engines read differently within paths.
    """
    for step in path:
        if not step or not step.isprintable() or _UNUSABLE & set(step):
            raise RuleError(
                "Over the warehouse the name of a field has no quote, asterisk, backslash or control character."
            )
    steps = exp.JSONPath(expressions=[exp.JSONPathRoot(), *(exp.JSONPathKey(this=step) for step in path)])
    part = text_of(trees.paren(exp.JSONExtract(this=column.copy(), expression=steps)))
    plain = trees.paren(exp.JSONExtractScalar(this=column.copy(), expression=steps.copy()))
    first = _first(part)
    return _case(
        [
            (_is(first, '"'), _tag("s", plain)),
            (exp.In(this=first.copy(), expressions=[_string("t"), _string("f")]), _tag("b", part)),
            (_is(first, "["), _tag("l", part)),
            (_is(first, "{"), _string("o")),
            (exp.NEQ(this=first.copy(), expression=_string("n")), _tag("n", part)),
        ]
    )


def member(column: exp.Expr, name: str) -> exp.Expr:
    """The tagged value of a member by its name, which may have dots; else of the nested one that the dots lead to."""
    whole = of_json(column, (name,))
    return exp.Coalesce(this=whole, expressions=[of_json(column, name.split("."))]) if "." in name else whole


def text_of(value: exp.Expr) -> exp.Expr:
    """The value as an engine writes it."""
    return trees.cast(value, "TEXT")


def of_plain(kind: str, value: exp.Expr) -> exp.Expr:
    """A value of a known kind, tagged."""
    if kind == "boolean":
        truths = [(value, _string("btrue")), (exp.Not(this=trees.paren(value.copy())), _string("bfalse"))]
        return _case(truths)
    known = exp.Not(this=exp.Is(this=value.copy(), expression=exp.null()))
    return _case([(known, _tag("s" if kind == "text" else "n", text_of(value)))])


def text(tagged: exp.Expr) -> exp.Expr:
    """The text; null for what is none."""
    return _case([(has_tag(tagged, "s"), inside(tagged))])


def boolean(tagged: exp.Expr) -> exp.Expr:
    """True or false; null for what is neither."""
    return _case([(_is(tagged, "btrue"), exp.true()), (_is(tagged, "bfalse"), exp.false())])


def number(tagged: exp.Expr) -> exp.Expr:
    """The number; null for what is none. As exact as 18 decimals are."""
    return _case([(has_tag(tagged, "n"), _bounded(inside(tagged)))])


def number_or_text(tagged: exp.Expr) -> exp.Expr:
    """The number, also of a text that is written as one."""
    return _case([(has_tag(tagged, "n"), _bounded(inside(tagged))), (_is_plain(tagged), _exact(inside(tagged)))])


def plain_number(tagged: exp.Expr) -> exp.Expr:
    """The number, if sums can hold it (`values.plain_number`)."""
    written = inside(tagged)
    exact = trees.cast(written, "DECIMAL(38, 12)")
    # Who has more decimals than a sum holds is another double once they are cut.
    same = exp.EQ(this=_double(text_of(exact)), expression=_double(written))
    small = exp.LT(this=exp.Abs(this=_double(written)), expression=_double(exp.Literal.string(_ADDED_MAX)))
    inner = _case([(small, _case([(same, exact.copy())]))])
    return _case([(has_tag(tagged, "n"), inner), (_is_plain(tagged), _added(written.copy()))])


def counted(tagged: exp.Expr) -> exp.Expr:
    """The value as `values.tagged` writes it; null for what adds nothing to an aggregate."""
    number_ = plain_number(tagged)
    known = exp.Not(this=exp.Is(this=number_.copy(), expression=exp.null()))
    short = exp.LTE(this=exp.Length(this=tagged.copy()), expression=exp.Literal.number(TEXT_MAX + 1))
    return _case(
        [
            (trees.all_of(has_tag(tagged, "s"), short), tagged.copy()),
            (has_tag(tagged, "b"), tagged.copy()),
            (trees.all_of(has_tag(tagged, "n"), known), _tag("n", text_of(number_))),
        ]
    )


def time(tagged: exp.Expr) -> exp.Expr:
    """The date or time that a text states (`time.PLAIN_TIME`), as a UTC timestamp without a zone; null for what is none."""
    text_ = exp.Trim(this=inside(tagged))
    clocked = exp.GT(this=exp.Length(this=text_.copy()), expression=exp.Literal.number(_DATE_LENGTH))
    zones = [
        (trees.all_of(clocked.copy(), exp.In(this=_back(text_, size), expressions=[_string("+"), _string("-")])), size)
        for size in (6, 5, 3)  # +hh:mm, +hhmm, +hh
    ]
    ways = [(found, _shifted(text_, size)) for found, size in zones]
    ways.insert(0, (_is(_back(text_, 1), "Z"), _moment(_without(text_, 1))))
    return _case([(_is_written(tagged, PLAIN_TIME), _case(ways, _moment(text_.copy())))])


def _back(text_: exp.Expr, place: int) -> exp.Expr:
    """The character at a place counted from the end."""
    end = exp.Right(this=text_.copy(), expression=exp.Literal.number(place))
    return exp.Substring(this=end, start=exp.Literal.number(1), length=exp.Literal.number(1))


def _without(text_: exp.Expr, size: int) -> exp.Expr:
    """The text without so many characters at its end."""
    left = exp.Sub(this=exp.Length(this=text_.copy()), expression=exp.Literal.number(size))
    return exp.Substring(this=text_.copy(), start=exp.Literal.number(1), length=left)


def _moment(local: exp.Expr) -> exp.Expr:
    """A time as it is written, without its zone; cut after six decimals, as engines round the others or do not."""
    spaced = exp.Replace(this=local, expression=_string("T"), replacement=_string(" "))
    cut = exp.Substring(this=spaced, start=exp.Literal.number(1), length=exp.Literal.number(_MICROSECONDS_LENGTH))
    return trees.cast(cut, "TIMESTAMP")


def _shifted(text_: exp.Expr, size: int) -> exp.Expr:
    """A time with a zone of so many characters."""
    zone = exp.Right(this=text_.copy(), expression=exp.Literal.number(size))

    def number_at(start: int) -> exp.Expr:
        digits = exp.Substring(this=zone.copy(), start=exp.Literal.number(start), length=exp.Literal.number(2))
        return trees.cast(digits, "INT")

    minutes: exp.Expr = exp.Mul(this=number_at(2), expression=exp.Literal.number(60))
    if size > 3:
        minutes = trees.paren(exp.Add(this=minutes, expression=number_at(size - 1)))
    behind = _is(_back(text_, size), "-")
    signed = _case([(behind, minutes)], trees.paren(exp.Neg(this=trees.paren(minutes.copy()))))
    return exp.DateAdd(this=_moment(_without(text_, size)), expression=signed, unit=exp.var("MINUTE"))


def contains(tagged: exp.Expr, part: str | int | Decimal) -> exp.Expr:
    """Whether a text holds a text, or a list holds a value."""
    written = _written(part)
    json = [trees.cast(_string(one), "JSON") for one in written]
    listed = trees.cast(inside(tagged), "JSON[]")
    found = [exp.ArrayContains(this=listed.copy(), expression=one) for one in json]
    ways = [(has_tag(tagged, "l"), trees.paren(trees.any_of(*found)))]
    if isinstance(part, str):
        at = exp.StrPosition(this=inside(tagged), substr=_string(part))
        ways.append((has_tag(tagged, "s"), trees.paren(exp.GT(this=at, expression=exp.Literal.number(0)))))
    return _case(ways)


def _written(part: str | int | Decimal) -> list[str]:
    """How JSON may write the value."""
    if isinstance(part, bool):
        return ["true" if part else "false"]
    if isinstance(part, str):
        return [_json_text(part)]
    plain = format(Decimal(part), "f")
    return [plain] if "." in plain else [plain, plain + ".0"]


def _json_text(value: str) -> str:
    return msgspec.json.encode(value).decode()


def _bounded(written: exp.Expr) -> exp.Expr:
    within = exp.LT(this=exp.Abs(this=_double(written)), expression=_double(_string(str(FURTHEST))))
    return _case([(within, _exact(written))])


def _exact(written: exp.Expr) -> exp.Expr:
    return trees.cast(exp.Trim(this=written.copy()), "DECIMAL(38, 18)")


def _added(written: exp.Expr) -> exp.Expr:
    return trees.cast(exp.Trim(this=written), "DECIMAL(38, 12)")


def _double(value: exp.Expr) -> exp.Expr:
    return trees.cast(value.copy(), "DOUBLE")


def _is_plain(tagged: exp.Expr) -> exp.Expr:
    return _is_written(tagged, PLAIN_NUMBER)


def _is_written(tagged: exp.Expr, pattern: str) -> exp.Expr:
    """Whether it is a text of this pattern."""
    return trees.all_of(has_tag(tagged, "s"), exp.RegexpLike(this=inside(tagged), expression=_string(pattern)))


def inside(tagged: exp.Expr) -> exp.Expr:
    """What stands behind the tag, as text."""
    return exp.Substring(this=tagged.copy(), start=exp.Literal.number(2))


def _first(value: exp.Expr) -> exp.Expr:
    return exp.Substring(this=value.copy(), start=exp.Literal.number(1), length=exp.Literal.number(1))


def has_tag(tagged: exp.Expr, tag: str) -> exp.Expr:
    """Whether the value is of the kind that a tag tells."""
    return _is(_first(tagged), tag)


def _is(value: exp.Expr, text_: str) -> exp.Expr:
    return exp.EQ(this=value.copy(), expression=_string(text_))


def _tag(tag: str, value: exp.Expr) -> exp.Expr:
    return exp.DPipe(this=_string(tag), expression=value, safe=True)


def _string(value: str) -> exp.Expr:
    return exp.Literal.string(value)


def _case(ways: Sequence[tuple[exp.Expr, exp.Expr]], default: exp.Expr | None = None) -> exp.Expr:
    return trees.paren(exp.Case(ifs=[exp.If(this=when, true=then) for when, then in ways], default=default))


def quotient(total: exp.Expr, count: exp.Expr) -> exp.Expr:
    """A sum of 12 decimals divided by a whole number, cut after 12 decimals; null for none.

    No engine's division is another's, so the digits are divided as whole numbers, and put together again.
    """
    digits = trees.cast(exp.Replace(this=text_of(total), expression=_string("."), replacement=_string("")), "HUGEINT")
    whole = exp.IntDiv(this=digits, expression=exp.Nullif(this=count, expression=exp.Literal.number(0)))
    thousands = exp.IntDiv(this=whole.copy(), expression=exp.Literal.number(_SCALE))
    rest = exp.Mod(this=trees.paren(whole), expression=exp.Literal.number(_SCALE))
    fraction = exp.Mul(
        this=trees.cast(rest, "DECIMAL(13, 0)"), expression=trees.cast(_string("0.000000000001"), "DECIMAL(13, 12)")
    )
    return trees.paren(
        exp.Add(
            this=trees.cast(thousands, "DECIMAL(38, 12)"),
            expression=trees.cast(trees.paren(fraction), "DECIMAL(38, 12)"),
        )
    )
