"""A workspace of three people, as most tests of pipelines want it."""

import pytest
from tests import workbench

from onefold.pipelines.stream import process


@pytest.fixture
def context():
    """Ann with a user id, an e-mail and two cookies, Bob with a cookie, a stranger; two bad items; all processed."""
    context = workbench.context()
    context.log.append(
        [
            workbench.entry(body | {"messageId": f"m{n}", "timestamp": workbench.iso(n)}, index=n)
            for n, body in enumerate(
                [
                    {"type": "identify", "userId": "ann", "anonymousId": "c1", "traits": {"email": "ann@mail.example"}},
                    {"type": "track", "event": "Story Read", "anonymousId": "c1"},
                    {"type": "identify", "userId": "bob", "anonymousId": "c2"},
                    {"type": "track", "event": "Story Read", "anonymousId": "c3"},
                    {"type": "track", "userId": "ann"},
                    {"type": "track", "event": "Story Read", "anonymousId": "null"},
                    {"type": "track", "event": "Story Read", "userId": "ann", "anonymousId": "c4"},
                ]
            )
        ]
    )
    process.drain(context)
    return context
