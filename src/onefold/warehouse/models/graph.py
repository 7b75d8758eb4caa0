"""The graph of models: which relations a statement reads, in which order models are built, and which a selection means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

from onefold.errors import UsageError, nearest
from onefold.warehouse.models.model import Fault, Model

DEFAULT_SCHEMA = "marts"
"""Where a name without a schema is looked for."""

Reads = Mapping[str, frozenset[str]]
"""For each model the relations it reads."""


def tables(tree: exp.Query) -> Iterator[exp.Table]:
    """The relations that a statement names, each mention; names of its own WITH clauses are none."""
    seen = set[int]()
    for scope in traverse_scope(tree):
        for source in scope.sources.values():
            if isinstance(source, exp.Table) and id(source) not in seen:
                seen.add(id(source))
                yield source


def relation_name(table: exp.Table) -> str:
    """The name of the relation that a table reference means, in lower case."""
    return f"{table.db or DEFAULT_SCHEMA}.{table.name}".lower()


def reads(tree: exp.Query) -> frozenset[str]:
    """The relations that a statement reads."""
    return frozenset(map(relation_name, tables(tree)))


def build_order(models: Mapping[str, Model], dependencies: Reads) -> list[str] | list[Fault]:
    """The models such that each follows those it reads, otherwise by name; or the cycles that prevent it."""
    order, done, faults = list[str](), set[str](), list[Fault]()
    inside = {name: sorted(dependencies[name] & models.keys()) for name in sorted(models)}
    for root, first in inside.items():
        path, stack = [root], [iter(first)]
        if root in done:
            continue
        while stack:
            below = next(stack[-1], None)
            if below is None:
                stack.pop()
                name = path.pop()
                done.add(name)
                order.append(name)
            elif below in path:
                faults.append(_cycle(models, [*path[path.index(below) :], below]))
            elif below not in done:
                path.append(below)
                stack.append(iter(inside[below]))
    return faults or order


def _cycle(models: Mapping[str, Model], path: list[str]) -> Fault:
    # Told from its first name on, so that it reads the same wherever the search met it.
    start = path.index(min(path))
    turned = [*path[start:-1], *path[: start + 1]]
    return models[turned[0]].fault(1, f"reads itself: {' → '.join(turned)}")


def select(models: Mapping[str, Model], dependencies: Reads, wanted: Iterable[str]) -> set[str]:
    """The models that these selections mean; all of them when there are none.

    A selection is a name (`membership`, `marts.membership`), `tag:development` or `owner:ann`; `+` before it adds what it
    reads, `+` after it adds what reads it.

    Raises:
        UsageError: A selection means no model.
    """
    selections = list(wanted)
    if not selections:
        return set(models)
    below = {name: set(dependencies[name] & models.keys()) for name in models}
    above: dict[str, set[str]] = {name: set() for name in models}
    for name, read in below.items():
        for one in read:
            above[one].add(name)
    found = set[str]()
    for selection in selections:
        core = selection.removeprefix("+").removesuffix("+")
        chosen = _named(models, core)
        found |= chosen
        if selection.startswith("+"):
            found |= reachable(below, chosen)
        if selection.endswith("+"):
            found |= reachable(above, chosen)
    return found


def _named(models: Mapping[str, Model], word: str) -> set[str]:
    kind, colon, value = word.partition(":")
    if colon and kind in {"tag", "owner"}:
        have = {name: model.tags if kind == "tag" else (model.owner,) for name, model in models.items()}
        chosen = {name for name, words in have.items() if value in words}
        if not chosen:
            known = {each for words in have.values() for each in words if each}
            raise UsageError(f"No model has the {kind} `{value}`{nearest(value, known) or '.'}")
        return chosen
    qualified = word if "." in word else f"{DEFAULT_SCHEMA}.{word}"
    if qualified in models:
        return {qualified}
    short = {name.partition(".")[2]: name for name in models}
    if word in short:
        return {short[word]}
    raise UsageError(f"There is no model `{word}`{nearest(word, [*models, *short]) or '.'}")


def reachable(graph: Mapping[str, Iterable[str]], start: Iterable[str]) -> set[str]:
    """Everything that can be reached from `start`, without `start` itself unless a path leads back."""
    found, pending = set[str](), list(start)
    while pending:
        for name in graph.get(pending.pop(), ()):
            if name not in found:
                found.add(name)
                pending.append(name)
    return found
