import json
from collections import Counter

from onefold.synthetic.stream import items


def test_items_are_valid_and_realistic():
    """About 550 bytes each; the mix is 70/20/5/5 within two points; message ids are unique."""
    raw = list(items(1, 10_000, 1_000))
    events = [json.loads(item) for item in raw]
    assert 500 < sum(map(len, raw)) / len(raw) < 600
    assert len({event["messageId"] for event in events}) == 10_000
    mix = Counter(
        "anonymous"
        if event["userId"] is None
        else "order"
        if event.get("event") == "Order Completed"
        else "identify"
        if event["type"] == "identify"
        else "known"
        for event in events
    )
    assert all(
        abs(mix[kind] / 10_000 - share) < 0.02
        for kind, share in {"known": 0.7, "anonymous": 0.2, "identify": 0.05, "order": 0.05}.items()
    )


def test_the_seed_decides_the_items():
    """Equal seeds give equal bytes; other seeds share no message id."""
    assert list(items(1, 50, 9)) == list(items(1, 50, 9))
    first, second = ({json.loads(i)["messageId"] for i in items(seed, 50, 9)} for seed in (1, 2))
    assert not first & second
