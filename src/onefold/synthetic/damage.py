"""Damage: rows that no reader can make sense of, put among good ones to show that they stop nothing."""

from __future__ import annotations

from collections.abc import Sequence

UNREADABLE: dict[str, tuple[bytes, ...]] = {
    "donors": (
        b'00990001;"Ann;Example;ann@one.example;;;;;;;Y;01/02/2025\r\n',  # the quotation mark is never closed
        b"00990002;Ben;Example;b@one.example;;;;;;;Y;01/02/2025;and;more\r\n",  # more columns than the header has
        b"00990003;C\x81\x8d;Example;c@one.example;;;;;;;Y;01/02/2025\r\n",  # bytes the code page does not have
    ),
    "gifts": (
        b"G9900001,00000001,01/14/2024,$25.00,Annual\x00Fund,One-time\r\n",  # an embedded NUL
        b"G9900002,00000001,01/15/2025,twenty,Annual Fund,One-time\r\n",  # no amount
        b",00000001,01/15/2025,$20.00,Annual Fund,One-time\r\n",  # no gift id
    ),
    "subscribers": (
        b"990001,Dan\xe9 Example,dan@one.example,,,60614,Digital,2024-05-01,active\r\n",  # another encoding
        b"990002,Eve\x00Example,eve@one.example,,,60614,Digital,2024-05-01,active\r\n",  # an embedded NUL
        b"990003,Flo Example,flo@one.example,,,60614,Digital,2024-02-30,active\r\n",  # there is no such day
    ),
    "tickets": (
        b'{"id":"T-990001","profile":{"first_name":"Gus","email":"gus@one.exa\n',  # the line was cut
        b"not json at all\n",
    ),
    "newsletter": (
        b"c99\tmore\tcolumns\tthan\tthe\theader\thas\r\n",
        b"c98\thal@one.example\tH\x00l\tsubscribed\t2024-05-01\r\n",  # an embedded NUL
    ),
}


def scatter(lines: Sequence[bytes], spoiled: Sequence[bytes], *, keep_first: bool) -> list[bytes]:
    """Spread the spoiled rows evenly among the lines; `keep_first` leaves the header where it is."""
    result = list(lines)
    start = 1 if keep_first else 0
    for number, row in enumerate(spoiled, start=1):
        result.insert(start + (len(lines) - start) * number // (len(spoiled) + 1) + number - 1, row)
    return result
