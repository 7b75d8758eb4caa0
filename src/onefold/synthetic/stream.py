"""A stream: raw Segment items of a web shop's visitors, cheap enough that a bench measures us and not its input."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime

_MINUTE_US = 60_000_000
_START_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z

_CONTEXT = (
    ',"context":{"library":{"name":"analytics-python","version":"2.3.4"},"ip":"203.0.113.%d","locale":"en-US",'
    '"userAgent":"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36",'
    '"page":{"path":"/stories/%d","url":"https://station.example/stories/%d","referrer":"https://search.example/"}}}'
)
_PAGE = '"type":"page","name":"Story","properties":{"path":"/stories/%d","title":"Story number %d","section":"news"}'
_TRACK = '"type":"track","event":"%s","properties":{"story_id":"s-%d","seconds":%d,"section":"news","live":true}'
_ORDER = (
    '"type":"track","event":"Order Completed","properties":{"order_id":"o-%d","revenue":%d.%02d,"currency":"USD",'
    '"products":[{"product_id":"p-%d","price":19.95,"quantity":1}]}'
)
_IDENTIFY = (
    '"type":"identify","traits":{"email":"person%d@mail.example","first_name":"Ann%d","last_name":"Novak",'
    '"plan":"%s","city":"Chicago"}'
)
_EVENTS = ("Story Read", "Stream Started", "Newsletter Opened", "Product Viewed", "Product Added")


def items(seed: int, events: int, people: int) -> Iterator[bytes]:
    """Raw items of about 550 bytes: pages, tracks, identifies and orders.

    70 % are pages and tracks of known people, 20 % of anonymous visitors only, 5 % identify calls with traits, 5 %
    Order Completed. Each person has a user id and one of two cookies; message ids are unique; times rise by a minute
    per 100 items.

    Args:
        seed: The same seed gives the same items.
        events: How many.
        people: How many known people they are about; a person may get none.
    """
    draw = random.Random(seed)
    chance, below = draw.random, draw.randrange
    prefix = f"{draw.getrandbits(48):012x}"
    stamp = ""
    for number in range(events):
        if number % 100 == 0:
            at_us = _START_US + number // 100 * _MINUTE_US
            stamp = datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:")
        person = int(chance() * people)
        story = number * 7 % 5000
        kind = chance()
        if kind < 0.05:
            what = _IDENTIFY % (person, person, "sustainer" if person % 3 else "guest")
        elif kind < 0.10:
            what = _ORDER % (number, 5 + person % 95, number % 100, story)
        elif kind < 0.55:
            what = _PAGE % (story, story)
        else:
            what = _TRACK % (_EVENTS[number % 5], story, person % 600)
        who = (
            f'"userId":null,"anonymousId":"anon-{below(people * 2 + 1):08d}-visitor"'
            if kind >= 0.80
            else f'"userId":"user-{person:08d}","anonymousId":"cookie-{person:08d}-{number & 1}"'
        )
        yield (
            f'{{"messageId":"{prefix}-{number:012d}-4c1d-9f","timestamp":"{stamp}{number % 60:02d}.'
            f'{number % 1000:03d}Z",'
            f"{who},{what}{_CONTEXT % (person % 250, story, story)}"
        ).encode()
