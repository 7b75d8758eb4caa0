"""Checks as configured: what the project's `checks/*.yaml` say, and the gates that Onefold ships."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from importlib import resources
from pathlib import Path
from typing import Any

from onefold.config.check_keys import CHECK_KINDS, CHECKS
from onefold.config.reading import At, Document, Problem, read
from onefold.governance.checks.definition import (
    Check,
    Completeness,
    Distribution,
    Freshness,
    Kind,
    NotNull,
    OneOf,
    Pattern,
    Range,
    Reference,
    RowCount,
    Rule,
    Tolerance,
    TypeIs,
    Unique,
    Volume,
)
from onefold.rules import Expr, RuleError, parse, patterns
from onefold.warehouse.models.model import Model

FOLDER = "checks"
THRESHOLD = Decimal(5)
DAYS = 56


class _FaultError(Exception):
    """What is wrong with one key of a check."""

    def __init__(self, at: At, message: str) -> None:
        self.at = at
        self.message = message
        super().__init__(message)


def read_checks(directory: Path, problems: list[Problem]) -> tuple[Check, ...]:
    """The checks of a project, in order of files and lines; whatever is wrong is added to `problems`."""
    folder = directory / FOLDER
    documents = [read(path, f"{FOLDER}/{path.name}", CHECKS, problems) for path in sorted(folder.glob("*.yaml"))]
    return tuple(_unique(documents, problems))


def shipped_checks() -> tuple[Check, ...]:
    """The checks of gates 2 and 3 that Onefold ships."""
    problems: list[Problem] = []
    found: list[Check] = []
    root = resources.files("onefold.config") / "gates"
    with resources.as_file(root) as folder:
        for path in sorted(folder.glob("*.yaml")):
            found += _checks(read(path, f"gates/{path.name}", CHECKS, problems), problems)
    if problems:
        raise AssertionError(f"a shipped gate cannot be read: {problems[0]}")
    return tuple(found)


def replaced(own: Iterable[Check], shipped: Iterable[Check]) -> tuple[Check, ...]:
    """Those that Onefold ships, without those that the project's own replace: of the same name in the same relation."""
    names = {(check.relation, check.name) for check in own}
    return tuple(check for check in shipped if (check.relation, check.name) not in names)


def model_checks(models: Iterable[Model]) -> tuple[Check, ...]:
    """The tests that models state of their columns, as checks of what the models make."""
    return tuple(
        Check(
            relation=model.name,
            name=f"{test}_{column}",
            kind=NotNull((column,)) if test == "not_null" else Unique((column,)),
            owner=model.owner,
            key=model.key,
            file=model.described_in,
            line=model.lines.get(("columns", column, "tests"), 1),
        )
        for model in models
        for column, said in model.columns.items()
        for test in said.tests
    )


def _unique(documents: Iterable[Document], problems: list[Problem]) -> Iterator[Check]:
    seen: dict[tuple[str, str], Check] = {}
    for document in documents:
        for check in _checks(document, problems):
            there = seen.setdefault((check.relation, check.name), check)
            if there is not check:
                message = f"the check `{check.name}` of {check.relation} is already in {there.file}:{there.line}"
                problems.append(Problem(check.file, check.line, message))
                continue
            yield check


def _checks(document: Document, problems: list[Problem]) -> Iterator[Check]:
    value = document.value
    relation = value.get("relation")
    for index, said in enumerate(value.get("checks") or ()):
        at: At = ("checks", index)
        if not said or not relation:
            continue
        try:
            yield _check(document, relation, said, at)
        except _FaultError as fault:
            problems.append(document.problem((*at, *fault.at), fault.message))


def _check(document: Document, relation: str, said: Mapping[str, Any], at: At) -> Check:
    kinds = [name for name in CHECK_KINDS if name in said]
    if len(kinds) != 1:
        known = ", ".join(f"`{name}`" for name in CHECK_KINDS)
        many = f"this one has {' and '.join(f'`{name}`' for name in kinds)}" if kinds else "this one asks nothing"
        raise _FaultError((), f"a check asks one thing, {many}; it can ask {known}")
    name, asked = kinds[0], said[kinds[0]]
    if asked is None:
        raise _FaultError((name,), f"`{name}` cannot be used as it stands")
    file = document.value
    return Check(
        relation=relation,
        name=said.get("name") or _name(name, asked),
        kind=_READERS[name](asked),
        severity=said.get("severity") or "error",
        owner=said.get("owner") or file.get("owner") or "",
        gate=file.get("gate"),
        description=said.get("description") or "",
        tolerance=_tolerance(said.get("tolerance")),
        where=None if said.get("where") is None else _rule(("where",), said["where"]),
        key=_columns(file.get("key")),
        file=document.file,
        line=document.lines.get(at, 1),
    )


def _name(kind: str, asked: Any) -> str:
    """Kind and columns, as a name."""
    columns = asked if isinstance(asked, str | list) else asked.get("columns") or asked.get("column") or ()
    if kind == "rule":
        columns = ()
    words = [kind, *_columns(columns)]
    if kind == "distribution":
        words.insert(1, asked.get("statistic") or "")
    return re.sub(r"[^a-z0-9]+", "_", "_".join(words).lower()).strip("_")[:80]


def _columns(said: Any) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said or ())


def _tolerance(said: str | None) -> Tolerance:
    if said is None:
        return Tolerance()
    if said.endswith("%"):
        return Tolerance(share=_share(("tolerance",), said))
    if not said.isdigit() or len(said) > 15:
        raise _FaultError(
            ("tolerance",), f"`tolerance` must be a share such as `1%`, or a count of rows, not `{said[:40]}`"
        )
    return Tolerance(rows=int(said))


def _share(at: At, said: str) -> Decimal:
    """A share written `60%` or `0.6`."""
    number = _number(at, said.removesuffix("%"))
    share = number / 100 if said.endswith("%") else number
    if not 0 <= share <= 1:
        raise _FaultError(at, f"`{at[-1]}` must be a share such as `60%`, of 0% to 100%, not `{said[:40]}`")
    return share


def _change(at: At, said: str | None) -> Decimal | None:
    """A relative change, `20%` or `0.2`; it may be more than the whole."""
    if said is None:
        return None
    number = _number(at, said.removesuffix("%"))
    if number < 0:
        raise _FaultError(at, f"`{at[-1]}` holds either way, so it is not negative")
    return number / 100 if said.endswith("%") else number


def _number(at: At, said: str) -> Decimal:
    try:
        number = Decimal(said)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise _FaultError(at, f"`{at[-1]}` must be a number, not `{said[:40]}`")
    return number


def _optional(at: At, said: str | None) -> Decimal | None:
    return None if said is None else _number(at, said)


def _rule(at: At, text: str) -> Expr:
    try:
        return parse(text)
    except RuleError as error:
        raise _FaultError(at, str(error)) from None


def _range(said: Mapping[str, Any]) -> Range:
    low, high = said.get("min"), said.get("max")
    if low is None and high is None:
        raise _FaultError(("range",), "`range` needs `min`, `max` or both")
    return Range(_column("range", said), low, high)


def _pattern(said: Mapping[str, Any]) -> Pattern:
    text = said.get("matches") or ""
    try:
        patterns.search(text)
    except patterns.PatternError as error:
        raise _FaultError(("pattern", "matches"), f"`pattern.matches` is not an RE2 expression: {error}") from None
    return Pattern(_column("pattern", said), text)


def _reference(said: Mapping[str, Any]) -> Reference:
    columns = _columns(said.get("column"))
    found_in = _columns(said.get("to")) or columns
    if len(found_in) != len(columns):
        raise _FaultError(("reference", "to"), "`reference.to` needs as many columns as `reference.column`")
    return Reference(columns, said.get("relation") or "", found_in)


def _row_count(said: Mapping[str, Any]) -> RowCount:
    change = _change(("row_count", "change"), said.get("change"))
    found = RowCount(said.get("min"), said.get("max"), change)
    if found == RowCount(None, None, None):
        raise _FaultError(("row_count",), "`row_count` needs `min`, `max` or `change`")
    return found


def _distribution(said: Mapping[str, Any]) -> Distribution:
    def at(key: str) -> At:
        return ("distribution", key)

    statistic = said.get("statistic") or ""
    needed = {"quantile": "quantile", "share": "values"}
    for name, key in needed.items():
        if (statistic == name) != (key in said):
            raise _FaultError(at(key if key in said else "statistic"), f"`{key}` and `statistic: {name}` go together")
    for key in ("baseline", "edges"):
        if key in said and statistic != "psi":
            raise _FaultError(at(key), f"`{key}` is for `statistic: psi`")
    if statistic == "psi" and ("max" not in said or "change" in said):
        raise _FaultError(at("statistic"), "`statistic: psi` needs `max`, such as 0.2, and has no `change`")
    if not {"min", "max", "change"} & said.keys():
        raise _FaultError(("distribution",), "`distribution` needs `min`, `max` or `change`")
    edges = tuple(_number(at("edges"), edge) for edge in said.get("edges") or ())
    if list(edges) != sorted(set(edges)):
        raise _FaultError(at("edges"), "`edges` must rise")
    baseline = tuple(
        (name, _share((*at("baseline"), name), share)) for name, share in (said.get("baseline") or {}).items()
    )
    if baseline and abs(sum((share for _, share in baseline), Decimal(-1))) > Decimal("0.01"):
        raise _FaultError(at("baseline"), "the shares of `baseline` add up to 100%")
    share = statistic == "share"
    return Distribution(
        _column("distribution", said),
        statistic,  # type: ignore[arg-type]  # one of the choices, or the file has an error already
        low=_bound(at("min"), said.get("min"), share=share),
        high=_bound(at("max"), said.get("max"), share=share),
        change_max=_change(at("change"), said.get("change")),
        quantile=_share(at("quantile"), said["quantile"]) if "quantile" in said else None,
        values=tuple(said.get("values") or ()),
        baseline=baseline,
        edges=edges,
    )


def _bound(at: At, said: str | None, *, share: bool) -> Decimal | None:
    return _share(at, said) if share and said is not None else _optional(at, said)


def _volume(said: Mapping[str, Any]) -> Volume:
    threshold = _optional(("volume", "threshold"), said.get("threshold")) or THRESHOLD
    if threshold <= 0:
        raise _FaultError(("volume", "threshold"), "`threshold` must be more than 0")
    return Volume(_column("volume", said), threshold, said.get("days") or DAYS)


def _column(kind: str, said: Mapping[str, Any]) -> str:
    column = said.get("column")
    if not column:
        raise _FaultError((kind,), f"`{kind}` needs a `column`")
    return str(column)


_READERS: dict[str, Callable[[Any], Kind]] = {
    "not_null": lambda said: NotNull(_columns(said)),
    "unique": lambda said: Unique(_columns(said)),
    "type": lambda said: TypeIs(_column("type", said), said.get("is")),
    "range": _range,
    "set": lambda said: OneOf(_column("set", said), tuple(said.get("values") or ())),
    "pattern": _pattern,
    "reference": _reference,
    "completeness": lambda said: Completeness(
        tuple(said.get("columns") or ()), _share(("completeness", "min"), said.get("min") or "")
    ),
    "rule": lambda said: Rule(said, _rule(("rule",), said)),
    "row_count": _row_count,
    "freshness": lambda said: Freshness(_column("freshness", said), said.get("within") or 0),
    "distribution": _distribution,
    "volume": _volume,
}
