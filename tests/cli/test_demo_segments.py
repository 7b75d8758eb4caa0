"""The demo's two rules, as people wrote them down elsewhere: from what two people do to the messages that tell of it."""

import json
from datetime import UTC, datetime

from bench.stream import fill

from onefold import bootstrap
from onefold.cli import demo, demo_segments


def items(calls):
    """What the Segment SDK sends for these calls."""
    for number, (method, said) in enumerate(calls):
        item = {"type": method, "messageId": f"m{number}", "userId": said["user_id"]}
        item |= {key: said[key] for key in ("event", "traits", "properties") if key in said}
        if "timestamp" in said:
            item["timestamp"] = said["timestamp"].isoformat()
        yield json.dumps(item).encode()


def test_what_two_people_do_becomes_messages_that_they_entered(tmp_path):
    """Each enters the segment that is about them, and not before all that it asks for has happened."""
    demo._fresh(tmp_path, port=1)
    with bootstrap.project_segments(tmp_path, None, start=True) as segments:
        segments.apply()
    calls = list(items(demo_segments._calls(datetime.now(UTC).date())))
    told = []
    for begin, end in ((0, 4), (4, len(calls))):
        fill(tmp_path, iter(calls[begin:end]))
        with bootstrap.opened(tmp_path, None) as workspace:
            bootstrap.catch_up(workspace)
        with bootstrap.project_segments(tmp_path, None) as segments:
            bodies = map(json.loads, segments.messages("segment.entered"))
            told.append({body["segment"] for body in bodies} & demo_segments._WANTED.keys())
    assert told == [set(), set(demo_segments._WANTED)]
