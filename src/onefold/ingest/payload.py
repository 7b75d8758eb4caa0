"""A payload: an item's bytes, read as one JSON object within limits, repaired where it can be, or the reason why not.

Parsers keep the last of two equal keys and say nothing, so duplicates are found by counting: a body has two quotes for each
key and each text, so one with as many as the decoded object needs lost none. Only where there are more is it read a
second time, by a slower parser that sees each pair and can say which.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from onefold.ingest import repair
from onefold.ingest.reasons import rejected
from onefold.ingest.repair import INTEGER_MAX, INTEGER_MIN, Repaired
from onefold.ingest.settings import IngestSettings
from onefold.model import Rejected

_decode = msgspec.json.Decoder().decode
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_.$-]{0,39}")
_DIGITS_MAX = 4
_Path = tuple[str | int, ...]


def read(body: bytes, settings: IngestSettings) -> dict[str, Any] | Repaired | Rejected:
    """Decode an item, repair it where that changes nothing but its form, and hold it to the limits."""
    if len(body) > settings.max_event_bytes:
        return rejected("too_large", f"The event has {len(body)} bytes; {settings.max_event_bytes} are allowed.")
    try:
        item = _decode(body)
    except RecursionError:
        return _too_deep(settings)
    except UnicodeDecodeError:
        whole = repair.utf8(body)
        return rejected("bad_utf8") if whole is None else read(whole, settings)
    except msgspec.DecodeError as error:
        return _lenient(body, str(error), settings)
    return _within(item, body, settings) if type(item) is dict else rejected("not_an_object")


def _within(item: dict[str, Any], body: bytes, settings: IngestSettings) -> dict[str, Any] | Repaired | Rejected:
    try:
        words = _words(item, settings.max_depth)
    except RecursionError:
        return _too_deep(settings)
    except OverflowError:
        return _lenient(body, "", settings)
    # No object has more keys than there are words in all, no text more characters than the body bytes.
    if words > settings.max_keys or len(body) > settings.max_string_length:
        fault = _breach(item, settings)
        if fault is not None:
            return fault
    return item if _quotes(body) == 2 * words else _with_single_keys(item, body)


def _quotes(body: bytes) -> int:
    """How many quotes of a JSON text begin or end a key or a text."""
    if b"\\" not in body:
        return body.count(b'"')
    # Without the escaped backslashes, whatever stands behind a backslash is escaped.
    body = body.replace(b"\\\\", b"")
    return body.count(b'"') - body.count(b'\\"')


def pointer(*path: str | int) -> str:
    """A JSON pointer without personal data: a key that does not look like a field's name is shown as `*`."""
    shown = (str(step) if isinstance(step, int) or _is_name(step) else "*" for step in path)
    return "/" + "/".join(shown)


def _is_name(key: str) -> bool:
    return _NAME.fullmatch(key) is not None and sum(map(str.isdigit, key)) <= _DIGITS_MAX


def _words(value: dict[str, Any] | list[Any], levels: int) -> int:
    """How many keys and texts there are in `value`, all together.

    Raises:
        OverflowError: An integer does not fit 64 bits.
        RecursionError: It has more levels of objects and lists than `levels`.
    """
    if not levels:
        raise RecursionError
    if type(value) is dict:
        words, inner = len(value), iter(value.values())
    else:
        words, inner = 0, iter(value)
    for child in inner:
        kind = type(child)
        if kind is str:
            words += 1
        elif kind is dict or kind is list:
            words += _words(child, levels - 1)
        elif kind is int and not INTEGER_MIN <= child <= INTEGER_MAX:
            raise OverflowError
    return words


def _deeper(item: Any, max_depth: int) -> bool:
    level: list[Any] = [item] if type(item) is dict or type(item) is list else []
    for _ in range(max_depth):
        level = [
            child
            for value in level
            for child in (value.values() if type(value) is dict else value)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


def _walk(item: Any) -> Iterator[tuple[Any, _Path]]:
    """Every value with its path, in document order. For trees within `max_depth`, so paths are short."""
    yield item, ()
    waiting: list[tuple[_Path, Iterator[tuple[str | int, Any]]]] = [((), _children(item))]
    while waiting:
        path, children = waiting[-1]
        for step, value in children:
            here = (*path, step)
            yield value, here
            if type(value) is dict or type(value) is list:
                waiting.append((here, _children(value)))
                break
        else:
            waiting.pop()


def _children(value: Any) -> Iterator[tuple[str | int, Any]]:
    if type(value) is dict:
        return iter(value.items())
    return iter(enumerate(value)) if type(value) is list else iter(())


def _breach(item: dict[str, Any], settings: IngestSettings) -> Rejected | None:
    """The first breach of a limit in document order."""
    longest, most = settings.max_string_length, settings.max_keys
    for value, path in _walk(item):
        kind = type(value)
        if kind is str and len(value) > longest:
            return rejected("string_too_long", f"{pointer(*path)} has {len(value)} characters; {longest} are allowed.")
        if kind is dict:
            if len(value) > most:
                return rejected("too_many_keys", f"{pointer(*path)} has {len(value)} keys; {most} are allowed.")
            if any(len(key) > longest for key in value):
                return rejected("string_too_long", f"A key of {pointer(*path)} has more than {longest} characters.")
    return None


def _too_deep(settings: IngestSettings) -> Rejected:
    return rejected("too_deep", f"Objects and lists are nested deeper than {settings.max_depth}.")


class _Twice:
    """Stands in the tree for an object that states a key twice."""

    def __init__(self, key: str) -> None:
        self.key = key


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Twice:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    keys = [key for key, _ in pairs]
    return _Twice(next(key for place, key in enumerate(keys) if key in keys[:place]))


def _nothing(_: str) -> None:
    """What a number is worth to a search for keys; reading long ones costs quadratic time."""


def _with_single_keys(item: dict[str, Any], body: bytes) -> dict[str, Any] | Rejected:
    tree = json.loads(body, object_pairs_hook=_pairs, parse_int=_nothing, parse_float=_nothing)
    for value, path in _walk(tree):
        if type(value) is _Twice:
            return rejected("duplicate_key", f"{pointer(*path, value.key)} is stated twice.")
    return item


def _lenient(body: bytes, message: str, settings: IngestSettings) -> Repaired | Rejected:
    """What a more lenient parser reads where the strict one refused, repaired; else our reason, or the strict parser's own.

    The parser's messages name a byte's place and never its value.
    """
    odd: list[str] = []
    try:
        tree = repair.lenient(body, odd)
    except RecursionError:
        return _too_deep(settings)
    except UnicodeDecodeError:
        return rejected("bad_utf8")
    except ValueError:
        return rejected("malformed_json", f"It is not JSON: {message}.") if body.strip() else rejected("empty")
    if _deeper(tree, settings.max_depth):
        return _too_deep(settings)
    if odd:
        return rejected("not_a_number")
    if type(tree) is not dict:
        return rejected("not_an_object")
    single = _with_single_keys(tree, body)
    if isinstance(single, Rejected):
        return single
    mended = repair.repaired(tree, pointer)
    fault = _breach(mended.item, settings)
    if fault is not None:
        return fault
    return mended if mended.findings else rejected("malformed_json", f"It is not JSON: {message}.")
