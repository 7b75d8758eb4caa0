"""Computed traits as configured: what the project's `traits/*.yaml` say."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from onefold.config.reading import At, Document, Problem, read
from onefold.config.trait_keys import FUNCTIONS, TRAITS
from onefold.errors import ConfigurationError
from onefold.profiles.computed.plan import plan
from onefold.profiles.computed.trait import Trait, in_currency
from onefold.profiles.settings import DEFAULT_CURRENCY, DEFAULT_PURCHASES
from onefold.rules import Aggregate, Expr, RuleError, parse
from onefold.rules.aggregate import may_have_property, needs_property
from onefold.rules.binding import bind_condition
from onefold.rules.tree import Then, Window

FOLDER = "traits"
_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


class _FaultError(Exception):
    """What is wrong with one key of a trait."""

    def __init__(self, at: At, message: str) -> None:
        self.at = at
        self.message = message
        super().__init__(message)


def read_traits(directory: Path, purchases: Mapping[str, Any], problems: list[Problem]) -> tuple[Trait, ...]:
    """The traits of a project, in order of files and lines; whatever is wrong is added to `problems`.

    Args:
        directory: The project.
        purchases: What `profile.yaml` says of purchases: amounts of those are money, of which one currency counts.
        problems: Receives what is wrong.
    """
    defaults = {name: purchase.amount_keys for name, purchase in DEFAULT_PURCHASES.items()}
    money: Mapping[str, Collection[str]] = purchases.get("events") or defaults
    currency = purchases.get("currency") or DEFAULT_CURRENCY
    found: dict[str, Trait] = {}
    for path in sorted((directory / FOLDER).glob("*.yaml")):
        document = read(path, f"{FOLDER}/{path.name}", TRAITS, problems)
        for name, said in (document.value.get("traits") or {}).items():
            at: At = ("traits", name)
            if not said:
                continue
            try:
                trait = _trait(document, name, said, money, currency)
            except _FaultError as fault:
                problems.append(document.problem((*at, *fault.at), f"trait `{name}`: {fault.message}"))
                continue
            there = found.setdefault(name, trait)
            if there is not trait:
                problems.append(document.problem(at, f"the trait `{name}` is already in {there.file}:{there.line}"))
    return tuple(found.values())


def _trait(
    document: Document, name: str, said: Mapping[str, Any], money: Mapping[str, Collection[str]], currency: str
) -> Trait:
    if not _NAME.fullmatch(name):
        raise _FaultError((), "a name has small letters, digits and `_`, and begins with a letter")
    functions = [key for key in FUNCTIONS if key in said]
    if len(functions) != 1:
        many = f"this one has {' and '.join(f'`{key}`' for key in functions)}" if functions else "this one has none"
        known = ", ".join(f"`{key}`" for key in FUNCTIONS)
        raise _FaultError((), f"a trait has one function, {many}; there are {known}")
    (key,) = functions
    event, _, path = (said[key] or "").partition(".")
    aggregate = Aggregate(
        function=key,  # type: ignore[arg-type]  # one of the keys, which are the functions
        event=event.strip(),
        property=path.strip() or None,
        where=_rule(("where",), said.get("where")),
        within=_window(("within",), said.get("within")),
        per=said.get("per"),
        then=_then(said.get("then")),
    )
    for at, message in _faults(aggregate):
        raise _FaultError((key,) if at == () else at, message)
    is_money = aggregate.property in money.get(aggregate.event, ())
    if is_money or "currency" in said:
        aggregate = in_currency(aggregate, said.get("currency") or currency, default=currency)
    trait = Trait(
        name=name,
        aggregate=aggregate,
        description=said.get("description") or "",
        owner=said.get("owner") or "",
        file=document.file,
        line=document.lines.get(("traits", name), 1),
    )
    try:
        plan([aggregate], values_max=1, tiles_max=2)
    except ConfigurationError as error:
        raise _FaultError(("within",), str(error)) from None
    return trait


def _faults(aggregate: Aggregate) -> Iterator[tuple[At, str]]:
    function, event = aggregate.function, aggregate.event
    if not event:
        yield (), f"`{function}` needs the name of an event"
    if needs_property(aggregate) and aggregate.property is None:
        also = ", or `per: year`" if function == "unique_count" else ""
        yield (), f"`{function}` needs a property{also}, such as `{function}: {event}.amount`"
    if aggregate.property is not None and not may_have_property(aggregate):
        yield (), f"`{function}` is of events, not of a property: `{function}: {event}`"
    if aggregate.per is not None and function not in {"streak", "unique_count"}:
        yield ("per",), "`per` is for `streak` and `unique_count`"
    if aggregate.per is not None and aggregate.property is not None:
        yield ("per",), "`unique_count` counts values of a property or periods, not both"
    if function == "streak" and aggregate.per is None:
        yield (), "`streak` needs `per`, such as `per: year`"
    if aggregate.then is not None and function != "exists":
        yield ("then",), "`then` is for `exists`"


def _then(said: Mapping[str, Any] | None) -> Then | None:
    if not said or not said.get("event"):
        return None
    window = _window(("then", "within"), said.get("within"))
    if window is None:
        return None
    return Then(said["event"], window, _rule(("then", "where"), said.get("where")), absent=bool(said.get("absent")))


def _rule(at: At, text: str | None) -> Expr | None:
    if text is None:
        return None
    try:
        rule = parse(text)
        bind_condition(rule)
    except RuleError as error:
        raise _FaultError(at, str(error)) from None
    return rule


def _window(at: At, length_us: int | None) -> Window | None:
    if length_us is None:
        return None
    for tile_us in (_DAY_US, _HOUR_US):
        if length_us and length_us % tile_us == 0:
            return Window(length_us // tile_us, tile_us)
    raise _FaultError(at, "a window is whole days or hours, such as `30d` or `12h`")
