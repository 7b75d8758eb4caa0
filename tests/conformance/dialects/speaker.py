"""What a case is: it sends, yields until the server has caught up, and looks at the outcome."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from itertools import count
from urllib.parse import quote

CASES: dict[tuple[str, str], Callable[[Speaker], Iterator[None]]] = {}
"""By vendor and row of its table."""
FIRST, SECOND = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
SECONDS = 1_767_225_600
"""`FIRST`, as Mixpanel states it."""


class Speaker:
    """One vendor's way to send, with ids that no other case uses."""

    def __init__(self, server, vendor, number):
        self.server, self.vendor, self._mark = server, vendor, f"{vendor.lower()}{number}x"
        self.phone = f"+1312555{number:04}"
        self._sent = count()

    def id(self, name):
        """An id of this case."""
        return f"{self._mark}{name}"

    def send(self, path, body, *, status=200, **headers):
        """One request that must be answered with this status; the answer."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        token = base64.b64encode(f"{self.server.here.write_key}:".encode()).decode()
        answered, said, _ = self.server.send("POST", path, raw, **({"Authorization": f"Basic {token}"} | headers))
        assert answered == status, (path, said)
        return said

    def items(self, *items, **root):
        """A batch of Segment or RudderStack; each with a message id of its own where it states none."""
        for item in items:
            item.setdefault("messageId", self.id(f"m{next(self._sent)}"))
        self.send("/v1/batch", {"batch": list(items), **root})

    def posthog(self, *items):
        """A batch of PostHog."""
        for item in items:
            item.setdefault("uuid", self.id(f"p{next(self._sent)}"))
            item.setdefault("timestamp", FIRST)
        self.send("/batch/", {"api_key": self.server.here.write_key, "batch": list(items)}, Authorization="")

    def mixpanel(self, *events, path="/track"):
        """Events of Mixpanel, with their token in each."""
        for event in events:
            event["properties"] = {"token": self.server.here.write_key, "time": SECONDS} | event.get("properties", {})
        self.send(f"{path}?verbose=1", list(events), Authorization="")

    def engage(self, **operation):
        """An operation on the profile of this case's user."""
        fixed = {"$token": self.server.here.write_key, "$distinct_id": self.id("u"), "$time": SECONDS}
        self.send("/engage?verbose=1", [fixed | operation], Authorization="")

    def amplitude(self, *events, path="/2/httpapi", **root):
        """Events of Amplitude."""
        for event in events:
            event.setdefault("time", SECONDS * 1000)
        self.send(path, {"api_key": self.server.here.write_key, "events": list(events), **root}, Authorization="")

    def known(self, name, type_="user_id"):
        """The profile behind an id of this case."""
        return self.server.profile(f"{type_}:{quote(self.id(name), safe='')}")

    def shows(self, field, name="u", type_="user_id"):
        """The value of an attribute, or None."""
        return self.known(name, type_)["attributes"].get(field, {}).get("value")

    def ids(self, name="u", type_="user_id"):
        """The identifiers of a person."""
        return {(i["type"], i["value"]) for i in self.known(name, type_)["identifiers"]}

    def event(self, name="u", type_="user_id"):
        """A person's newest event."""
        return self.server.timeline(f"{type_}:{quote(self.id(name), safe='')}")[0]

    def told(self, code, where, name="u", type_="user_id"):
        """Whether the newest event has this finding."""
        return {"code": code, "where": where} in self.event(name, type_)["findings"]

    def is_nobody(self, name, type_="user_id"):
        """Whether nobody answers to an id."""
        return self.server.get(f"/api/v1/profiles/{type_}:{quote(self.id(name), safe='')}")[0] == 404


def row(*names, vendors):
    """The case of these rows, for each of these vendors."""

    def taken(case):
        for vendor in vendors:
            for name in names:
                assert (vendor, name) not in CASES
                CASES[vendor, name] = case
        return case

    return taken
