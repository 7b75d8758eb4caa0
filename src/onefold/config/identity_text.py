"""Identity text: some keys of identity.yaml written into its text; comments, order and everything else stay as they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from onefold.config.identity_change import FILE, merged
from onefold.errors import UsageError

_ODD = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def with_keys(text: str, changed: Mapping[str, Any]) -> str:
    """The file's text with these keys in the place of its own; maps are merged key by key.

    Raises:
        UsageError: The file is written in a way that only a person can edit.
    """
    after = text
    for path, value in _leaves(changed):
        after = _with(after, path, value)
    return _saying(after, merged(yaml.safe_load(text) or {}, changed))


def with_item(text: str, path: tuple[str, ...], value: str) -> str:
    """The file's text with one more item at the end of the list that stands at `path`.

    Raises:
        UsageError: The file is written in a way that only a person can edit.
    """
    held: Any = yaml.safe_load(text) or {}
    node = yaml.compose(text) if text.strip() else None
    for key in path:
        held = held.get(key) if isinstance(held, Mapping) else held
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        node = next((one for name, one in pairs if name.value == key), None)
    if held is not None and not isinstance(held, list):
        raise UsageError(f"{FILE}: `{'.'.join(path)}` is not a list; edit it by hand.")
    changed = _nested(path, [*(held or ()), value])
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        return with_keys(text, changed)
    last = node.value[-1]
    at, item = _end(last), f", {_json(value)}"
    if not node.flow_style:
        # Behind the comment on the last item's line.
        at += len(text[at:].partition("\n")[0])
        item = f"\n{' ' * (last.start_mark.column - 2)}- {_json(value)}"
    return _saying(f"{text[:at]}{item}{text[at:]}", merged(yaml.safe_load(text) or {}, changed))


def _saying(text: str, wanted: Mapping[str, Any]) -> str:
    """This text, if it says that and nothing else."""
    try:
        said = yaml.safe_load(text) or {}
    except yaml.YAMLError:
        said = None
    if said != wanted:
        raise UsageError(f"{FILE} is written in a way that cannot be changed from here; edit it by hand.")
    return text


def _leaves(changed: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in changed.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def _with(text: str, path: tuple[str, ...], value: Any) -> str:
    root = yaml.compose(text) if text.strip() else None
    if root is None:
        end = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{end}{path[0]}: {_json(_nested(path[1:], value))}\n"
    node: yaml.Node = root
    for depth, key in enumerate(path):
        if not isinstance(node, yaml.MappingNode):
            return text  # the check afterwards tells it
        found = next(((name, held) for name, held in node.value if name.value == key), None)
        if found is None:
            return _inserted(text, node, key, _json(_nested(path[depth + 1 :], value)))
        name, held = found
        nothing = isinstance(held, yaml.ScalarNode) and depth < len(path) - 1
        if nothing or depth == len(path) - 1:
            colon = text.index(":", name.end_mark.index) + 1
            new = _json(_nested(path[depth + 1 :], value))
            return f"{text[:colon]} {new}{text[max(colon, _end(held)) :]}"
        node = held
    return text


def _inserted(text: str, node: yaml.MappingNode, key: str, value: str) -> str:
    name = key if key.isidentifier() else json.dumps(key, ensure_ascii=False)
    if node.flow_style or not node.value:
        at = node.end_mark.index - 1
        return f"{text[:at].rstrip()}{', ' if node.value else ''}{name}: {value}{text[at:]}"
    first = node.value[0][0].start_mark
    return f"{text[: first.index]}{name}: {value}\n{' ' * first.column}{text[first.index :]}"


def _end(node: yaml.Node) -> int:
    """Where a value ends: a block's own mark stands behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _nested(path: tuple[str, ...], value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value


def _json(value: Any) -> str:
    # JSON is YAML, and quotes whatever has to be; but YAML takes fewer characters as they are.
    return _ODD.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
