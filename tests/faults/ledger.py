"""The judge of every fault: a producer's own ledger, held against what the product says it has."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.plain import balances, profiles

from onefold import bootstrap
from onefold.model import Identifier

PEOPLE = 20


class Producer(threading.Thread):
    """Sends batches of unique events and keeps its own ledger; what is not acknowledged is sent again if `stubborn`.

    Attributes:
        acknowledged: Message ids whose request was answered 200.
        answers: How often each status was answered; 0 stands for no answer.
    """

    def __init__(self, here, name, *, stubborn=True, size=5, pause=0.01):
        super().__init__(daemon=True)
        self.here, self.prefix, self.stubborn, self.size, self.pause = here, name, stubborn, size, pause
        self.acknowledged: list[str] = []
        self.answers: Counter[int] = Counter()
        self.done = threading.Event()
        self.number = 0

    def run(self):
        while not self.done.is_set():
            names = self.names()
            while not self.deliver(names):
                if self.done.is_set() or not self.stubborn:
                    break
                time.sleep(0.01)
            else:
                self.acknowledged += names
            # Enough to be busy at every kill, not so many that counting them takes longer than the kills.
            time.sleep(self.pause)

    def names(self):
        """The ids of the next batch."""
        names = [f"{self.prefix}-{self.number + n}" for n in range(self.size)]
        self.number += self.size
        return names

    def deliver(self, names):
        """Send a batch; whether it was acknowledged."""
        batch = [
            {"type": "track", "event": "Read", "userId": f"u{int(m.rpartition('-')[2]) % PEOPLE}", "messageId": m}
            for m in names
        ]
        connection = http.client.HTTPConnection("127.0.0.1", self.here.port, timeout=10)
        status = 0
        try:
            body = json.dumps({"batch": batch})
            connection.request("POST", "/v1/batch", body, {"Authorization": f"Bearer {self.here.write_key}"})
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        self.answers[status] += 1
        return status == 200

    def end(self):
        """Send no more; a batch under way is given up."""
        self.done.set()
        self.join()


@dataclass
class Found:
    """What is there once everything in the log is processed.

    Attributes:
        counted: Events by the counters of all profiles.
        stored: Message ids on all timelines, each as often as it stands there.
        account: The account of the source `web`.
        announced: Outbox messages, each as often as it stands there.
        equal: Whether the store is what the log implies.
        dead: Dead letters, open ones and others.
    """

    counted: int = 0
    stored: Counter = field(default_factory=Counter)
    account: dict = field(default_factory=dict)
    announced: Counter = field(default_factory=Counter)
    equal: bool = False
    dead: int = 0


def found(directory, people=PEOPLE):
    """Catch up, and look."""
    with bootstrap.opened(directory, None) as workspace:
        assert bootstrap.catch_up(workspace)
        return looked(workspace.context, bootstrap.verify(workspace).equal, people)


def looked(context, equal, people=PEOPLE):
    """What a workspace that has caught up holds of the people u0, u1 and so on."""
    held, seen = Found(equal=equal), set()
    for n in range(people):
        who = Identifier("user_id", f"u{n}")
        profile = profiles.profile(context, who)
        if profile is None or profile["id"] in seen:
            continue
        seen.add(profile["id"])
        held.counted += profile["counters"]["events"]
        cursor = None
        while True:
            page = profiles.timeline(context, who, cursor=cursor, limit=500)
            held.stored.update(e["message_id"] for e in page["events"])
            cursor = page["next"]
            if cursor is None:
                break
    for account in balances.sources(context):
        held.account = account
    with context.store.snapshot() as snapshot:
        held.announced.update((m.topic, m.key, m.body) for m in snapshot.outbox(after=0, limit=1_000_000))
        held.dead = len(snapshot.dead_letters(status=None, source=None, after=(0, 0), limit=1_000_000))
    return held


def faults(held, acknowledged):
    """What is wrong with what was found, in words; nothing, if all promises were kept."""
    wrong = []
    lost = set(acknowledged) - held.stored.keys()
    if lost:
        wrong.append(f"lost: {len(lost)} of {len(acknowledged)} acknowledged")
    if any(n > 1 for n in held.stored.values()):
        wrong.append("twice on a timeline")
    if not held.counted == len(held.stored) == held.account.get("stored", 0):
        wrong.append(f"counted {held.counted}, stored {len(held.stored)}, account {held.account.get('stored')}")
    if any(n > 1 for (topic, _, _), n in held.announced.items() if topic == "profile.created"):
        wrong.append("announced twice")
    if held.account and not (held.account["balanced"] and held.account["pending"] == 0):
        wrong.append("the account is not balanced")
    if not held.equal:
        wrong.append("the store is not what the log implies")
    return wrong
