"""A corpus of poison: messages that break careless products, generated from a seed, with what must become of each.

Every message carries its mark (`poison-000123`) in bytes that survive, so that it can be found again. The nastiest that
were ever of use stand as files in `poison/`, named for what must become of them.
"""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

NASTIEST = Path(__file__).parent / "poison"
SIZES = (10_000, 100_000, 1_000_000, 3_000_000)


class Poison(NamedTuple):
    """One message.

    Attributes:
        mark: Found in the bytes of what is kept.
        kind: The generator it comes from.
        body: The bytes: an item of a batch, or a whole request.
        request: Whether it is a whole request.
        fate: `dead` (one dead letter), `stored`, `either`, or `refused` (413, nothing is kept).
    """

    mark: str
    kind: str
    body: bytes
    request: bool
    fate: str


def _item(mark: str, **more: object) -> dict:
    return {"type": "track", "event": "Read", "userId": f"u-{mark}", "messageId": mark} | more


def _raw(mark: str, **more: object) -> bytes:
    return json.dumps(_item(mark, **more)).encode()


def _with(mark: str, fragment: bytes) -> bytes:
    """A valid item but for one property, written as it is."""
    return _raw(mark)[:-1] + b', "properties": {"x": ' + fragment + b"}}"


FRAGMENTS: dict[str, tuple[tuple[bytes, ...], str]] = {
    "bad_utf8": ((b'"\xff\xfe"', b'"\xc0\xaf"', b'"\xf8\x88\x80\x80\x80"', b'"caf\xe9"'), "dead"),
    "not_a_number": ((b"NaN", b"Infinity", b"-Infinity", b"[1, NaN]", b'{"y": -Infinity}'), "dead"),
    "lone_surrogate": (
        (rb'"\ud800"', rb'"a\udc00b"', rb'"\udfff\ud800"', rb'{"\ud834": 1}', b'"\xed\xa0\x80"'),
        "stored",
    ),
    "surrogate_pair": ((rb'"\ud834\udd1e"', rb'"\u0000"', rb'"\uffff"', '"\u202e\u200b\ufeff"'.encode()), "stored"),
    "control": ((b'"\x00"', b'"a\x07b"', b'"\x1f"', b'"\n"'), "dead"),
    "escaped_control": ((rb'"\u0007"', rb'"\u001b[2J"', rb'"\r\nSet-Cookie: x"'), "stored"),
    "huge_integer": ((b"9223372036854775808", b"-9223372036854775809", b"1" * 400, b"9" * 4_500), "stored"),
    "huge_float": ((b"1e400", b"-1e999", b"1e99999999"), "stored"),
    "duplicate_key": ((b'{"y": 1, "y": 2}', b'{"y": 1, "\\u0079": 2}', b'[{"a" : 1, "a" : 1}]'), "dead"),
    "broken": ((b"tru", b"'x'", b"0x10", b"01", b"1,", b'"open', b"{]", b"[1 2]", b"undefined", b"// x\n1"), "dead"),
}
WRONG: tuple[object, ...] = (
    0,
    1.5,
    True,
    [],
    {},
    [1],
    {"a": 1},
    "",
    " ",
    None,
    "null",
    "x" * 9_000,
    -1,
    [None],
    "\u0000",
)
FIELDS = (
    "type", "event", "userId", "anonymousId", "messageId", "timestamp", "originalTimestamp", "sentAt", "properties",
    "traits", "context", "integrations", "groupId", "previousId", "name", "consent", "channel", "version",
)  # fmt: skip
TIMES = (
    "", "yesterday", "0000-00-00", "9999-12-31T23:59:59Z", "-000001-01-01T00:00:00Z", "1e99", 1e300, -1e300, 253402300800,
    "2026-02-30T00:00:00Z", "2026-01-01T25:61:61Z", "2016-12-31T23:59:60Z", "2026-01-01T00:00:00+99:99", 0, -1, [2026],
    "\u0661\u0669\u0667\u0660-\u0660\u0661-\u0660\u0661",
    "2026-01-01T00:00:00." + "9" * 300 + "Z", {"$date": 1}, "1970-01-01T00:00:00Z" * 50,
)  # fmt: skip


def _fragment(kind: str) -> Callable[[str, random.Random], tuple[bytes, bool, str]]:
    values, fate = FRAGMENTS[kind]

    def make(mark: str, draw: random.Random) -> tuple[bytes, bool, str]:
        return _with(mark, draw.choice(values)), False, fate

    return make


def _wrong_type(mark: str, draw: random.Random) -> tuple[bytes, bool, str]:
    item = _item(mark)
    item["context"] = {"mark": mark}
    item["properties"] = {"mark": mark}
    item[draw.choice(FIELDS)] = draw.choice(WRONG)
    return json.dumps(item).encode(), False, "either"


def _time(mark: str, draw: random.Random) -> tuple[bytes, bool, str]:
    return (
        _raw(mark, **{draw.choice(("timestamp", "originalTimestamp", "sentAt")): draw.choice(TIMES)}),
        False,
        "either",
    )


def _deep(mark: str, draw: random.Random) -> tuple[bytes, bool, str]:
    depth = draw.choice((40, 500, 5_000, 100_000))
    opening, closing = draw.choice(((b"[", b"]"), (b'{"a":', b"}")))
    return _with(mark, opening * depth + (b"1" if opening != b"[" else b"") + closing * depth), False, "dead"


def _size(draw: random.Random) -> int:
    return draw.choices(SIZES, (12, 6, 2, 1))[0]


def _long(mark: str, draw: random.Random) -> tuple[bytes, bool, str]:
    return _with(mark, b'"' + b"x" * _size(draw) + b'"'), False, "dead"


def _long_identifier(mark: str, draw: random.Random) -> tuple[bytes, bool, str]:
    field = draw.choice(("userId", "anonymousId", "messageId"))
    return _raw(mark, **{field: mark * (_size(draw) // len(mark))}), False, "dead"


def _many_keys(mark: str, draw: random.Random) -> tuple[bytes, bool, str]:
    return _raw(mark, properties={f"k{n}": n for n in range(draw.choice((1_001, 20_000)))}), False, "dead"


def _nobody(mark: str, draw: random.Random) -> tuple[bytes, bool, str]:
    who = draw.choice(({}, {"userId": None}, {"userId": ""}, {"userId": "null"}, {"anonymousId": "-1"}))
    return json.dumps({"type": "track", "event": "Read", "messageId": mark} | who).encode(), False, "dead"


def _no_event(mark: str, draw: random.Random) -> tuple[bytes, bool, str]:
    item = _item(mark) | draw.choice(({"event": None}, {"event": ""}, {"type": "nonsense"}, {"event": "  "}))
    return json.dumps(item).encode(), False, "dead"


def _not_an_object(mark: str, draw: random.Random) -> tuple[bytes, bool, str]:
    return json.dumps(draw.choice((mark, [mark], [[mark]], [_item(mark)]))).encode(), False, "dead"


def _no_request(mark: str, draw: random.Random) -> tuple[bytes, bool, str]:
    word = mark.encode()
    bodies = (
        b"<xml>" + word, word, b'{"batch": [' + word, b'{"batch": [{"a":"' + word, b"\x00\x01" + word,
        b"\xff\xfe" + word, b"{'batch': '" + word + b"'}", b'{"batch": "' + word + b'"}', b'"' + word + b'"',
        b'{"batch": null, "x": "' + word + b'"}', b'{"batch": {"a": "' + word + b'"}}',
        b'{"batch": 5, "x": "' + word + b'"}', b'{"batch": [], "batch": ["' + word + b'"]}',
    )  # fmt: skip
    return draw.choice(bodies), True, "dead"


def _bad_gzip(mark: str, draw: random.Random) -> tuple[bytes, bool, str]:
    name = b"\x1f\x8b\x08\x08" + bytes(6) + mark.encode() + b"\0"  # the name in the header stays readable
    packed = zlib.compress(_raw(mark))[2:]
    bodies = (name, name + packed[: len(packed) // 2], name + b"\xff" * 50, name + packed[:-4] + bytes(20))
    return draw.choice(bodies), True, "dead"


def _bomb(mark: str, draw: random.Random) -> tuple[bytes, bool, str]:
    return bomb(draw.choice((9, 40, 200))), True, "refused"


def _too_large(mark: str, draw: random.Random) -> tuple[bytes, bool, str]:
    return _with(mark, b'"' + b"x" * 10_000_000 + b'"'), True, "refused"


def bomb(megabytes: int) -> bytes:
    """Gzip of that many megabytes of zeros: a thousandth of it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    megabyte = bytes(1_000_000)
    return b"".join([*(packer.compress(megabyte) for _ in range(megabytes)), packer.flush()])


GENERATORS: dict[str, tuple[int, Callable[[str, random.Random], tuple[bytes, bool, str]]]] = {
    **{kind: (10, _fragment(kind)) for kind in FRAGMENTS},
    "wrong_type": (60, _wrong_type), "time": (20, _time), "deep": (6, _deep), "long": (3, _long),
    "long_identifier": (4, _long_identifier), "many_keys": (3, _many_keys), "nobody": (10, _nobody),
    "no_event": (10, _no_event), "not_an_object": (8, _not_an_object), "no_request": (12, _no_request),
    "bad_gzip": (8, _bad_gzip), "bomb": (0.3, _bomb), "too_large": (0.2, _too_large),
}  # fmt: skip
"""By kind: how often, in proportion, and how."""


def generated(number: int, seed: int = 3) -> Iterator[Poison]:
    """The corpus: always the same for the same number and seed."""
    draw = random.Random(seed)
    kinds, weights = list(GENERATORS), [weight for weight, _ in GENERATORS.values()]
    for place in range(number):
        mark = f"poison-{place:06d}"
        # Each kind once at the start, so that a small corpus has them all.
        kind = kinds[place] if place < len(kinds) else draw.choices(kinds, weights)[0]
        body, request, fate = GENERATORS[kind][1](mark, draw)
        yield Poison(mark, kind, body, request, fate)


def nastiest() -> list[Poison]:
    """The committed ones: `FATE--NAME.item` or `FATE--NAME.request`; `.gz` is taken off first, `@MARK@` put in."""
    found = []
    for path in sorted(NASTIEST.iterdir()):
        fate, _, rest = path.name.partition("--")
        name, kind = rest.split(".")[:2]
        mark = f"nasty-{name}"
        body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        found.append(Poison(mark, name, body.replace(b"@MARK@", mark.encode()), kind == "request", fate))
    return found
