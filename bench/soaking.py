"""The load of a soak: who sends, asks, judges, loads and breaks things, and the ledger of what was acknowledged."""

from __future__ import annotations

import csv
import gzip
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Any

import msgspec

from bench.ground import Ground, family
from onefold.synthetic.stream import items

PEOPLE = 10_000
BATCH = 50
DUPLICATED = 0.05
RETRY_SECONDS = 0.5
LOAD_ROWS = 2_000
SETTLE_SECONDS = 300
PREFILL_SECONDS = 900
EVENTS_A_PERSON = 6
_USER = re.compile(rb'"userId":"([^"]+)"')
_MAPPING = "type: record\nidentifiers: {crm_id: Id, email: Email}\ntraits: {first_name: First}\n"
POISON = (
    b'{"type":"track","userId":"u"}',
    b'{"event":"Read"}',
    b"[1]",
    b'{"type":"track","event":"\\ud800","userId":"u"}',
)


class Window(msgspec.Struct):
    """What happened since the last look."""

    events: int = 0
    acks_ms: list[float] = msgspec.field(default_factory=list)
    lookups_ms: list[float] = msgspec.field(default_factory=list)


class Load:
    """Threads that load a server at a steady pace, and what they know of it.

    Attributes:
        trouble: What went wrong, in words.
        faulted: Faults made so far.
    """

    def __init__(self, here: Ground, *, rate: int, seed: int, faults: bool) -> None:
        self.trouble: list[str] = []
        self.faulted = 0
        self._here = here
        self._rate = rate
        self._seed = seed
        self._faults = faults
        self._lock = threading.Lock()
        self._window = Window()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._events: Counter[str] = Counter()
        self._told = dict.fromkeys(("stored", "duplicate", "retried", "rejected", "loaded", "lookups", "judgements"), 0)
        self._pid = 0

    def prefill(self, events: int) -> None:
        """Send so many events as fast as they are taken, and wait until they are processed: caches are full from then on."""
        source = items(self._seed * 10 + 4, events, max(1, events // EVENTS_A_PERSON))
        connection = self._connection()
        while chosen := list(islice(source, BATCH)):
            retried = self._insist(connection, "/v1/batch", b'{"batch":[' + b",".join(chosen) + b"]}")
            self._acknowledged(chosen, retried)
        self._processed(PREFILL_SECONDS)

    def begin(self, pid: int) -> None:
        """Start all threads."""
        self._pid = pid
        singles = max(1, self._rate // 20)
        batches = (self._rate - singles) / BATCH
        works: list[tuple[float, Callable[[float], None]]] = [
            (1 / singles, self._sender(1, 1)),
            (2 / batches, self._sender(2, BATCH)),
            (2 / batches, self._sender(3, BATCH)),
            (1 / 20, self._asker()),
            (5.0, self._judge),
            (60.0, self._load),
        ]
        if self._faults:
            works.append((20.0, self._fault))
        for number, (interval, work) in enumerate(works):
            pacing = random.Random(self._seed * 100 + number)
            thread = threading.Thread(target=self._pace, args=(interval, work, pacing), daemon=True)
            thread.start()
            self._threads.append(thread)

    def end(self) -> None:
        """Stop, once everything sent is acknowledged."""
        self._stop.set()
        for thread in self._threads:
            thread.join(120)
            if thread.is_alive():
                self.trouble.append("an event was not acknowledged within two minutes")

    def window(self) -> Window:
        """What happened since the last call."""
        with self._lock:
            window, self._window = self._window, Window()
        return window

    def tells(self) -> dict[str, int]:
        """The ledger's sums."""
        return {**self._told, "faults": self.faulted}

    def settle(self, people: int) -> None:
        """Wait until all is processed, then hold the server's accounts and some people against the ledger."""
        accounts = self._processed(SETTLE_SECONDS)
        if accounts is None:
            return
        self.trouble += discrepancies(accounts, self._told)
        draw = random.Random(self._seed)
        for user in draw.sample(sorted(self._events), min(people, len(self._events))):
            counted = self._here.get(f"/api/v1/profiles/user_id:{user}")["counters"]["events"]
            if counted != self._events[user]:
                self.trouble.append(f"a person has {counted} events where {self._events[user]} were acknowledged")

    def _processed(self, seconds: float) -> dict[str, Any] | None:
        """The accounts, once nothing is pending; None, with a word of trouble, when that takes longer."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            accounts = {a["source"]: a for a in self._here.get("/api/v1/sources")["sources"]}
            if all(a["pending"] == 0 for a in accounts.values()):
                return accounts
            time.sleep(0.5)
        self.trouble.append("processing did not catch up")
        return None

    def _pace(self, interval: float, work: Callable[[float], None], draw: random.Random) -> None:
        due = time.monotonic() + draw.random() * interval
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            try:
                work(due)
            except Exception as error:  # noqa: BLE001  a thread that dies unseen would load nothing
                self.trouble.append(f"{type(error).__name__}: {error}")
                return
            due += interval

    def _send(self, connection: http.client.HTTPConnection, path: str, body: bytes) -> int:
        connection.request("POST", path, body, {"Authorization": f"Bearer {self._here.write_key}"})
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def _sender(self, seed: int, size: int) -> Callable[[float], None]:
        source = items(self._seed * 10 + seed, 2**62, PEOPLE)
        draw = random.Random(seed)
        connection = self._connection()
        path = "/v1/track" if size == 1 else "/v1/batch"

        def send(due: float) -> None:
            chosen = [next(source) for _ in range(size)]
            body = chosen[0] if size == 1 else b'{"batch":[' + b",".join(chosen) + b"]}"
            retried = self._insist(connection, path, body)
            with self._lock:
                self._window.acks_ms.append((time.monotonic() - due) * 1e3)
                self._window.events += size
                self._acknowledged(chosen, retried)
            if draw.random() < DUPLICATED:
                retried = self._insist(connection, path, body)
                with self._lock:
                    self._told["duplicate"] += size
                    self._told["retried"] += retried * size

        return send

    def _acknowledged(self, chosen: list[bytes], retried: int) -> None:
        self._told["stored"] += len(chosen)
        self._told["retried"] += retried * len(chosen)
        self._events.update(found[1].decode() for item in chosen if (found := _USER.search(item)))

    def _insist(self, connection: http.client.HTTPConnection, path: str, body: bytes) -> int:
        """Send until acknowledged, as SDKs do; how often an answer was not heard, so that the server may have it twice."""
        unheard = 0
        for _ in range(200):
            try:
                status = self._send(connection, path, body)
            except (OSError, http.client.HTTPException):
                connection.close()
                unheard += 1
            else:
                if status == 200:
                    return unheard
                if status not in {429, 503}:
                    raise RuntimeError(f"{path} was answered {status}")
            time.sleep(RETRY_SECONDS)
        raise RuntimeError(f"{path} was not acknowledged")

    def _asker(self) -> Callable[[float], None]:
        draw = random.Random(self._seed)
        connection = self._connection()

        def ask(due: float) -> None:
            view = draw.choice(("", "", "", "/timeline?limit=20", "/history", "/identifiers"))
            path = f"/api/v1/profiles/user_id:user-{draw.randrange(PEOPLE):08d}{view}"
            try:
                connection.request("GET", path, headers={"Authorization": f"Bearer {self._here.read_key}"})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                return
            if answer.status not in {200, 404}:
                raise RuntimeError(f"a look-up was answered {answer.status}")
            with self._lock:
                self._told["lookups"] += 1
                self._window.lookups_ms.append((time.monotonic() - due) * 1e3)

        return ask

    def _judge(self, due: float) -> None:
        """Join two browsers of nobody, or part them again. Their ids are spoken of by no known person."""
        draw = random.Random(f"{self._seed}{due}")
        a, b = (f"anon-{draw.randrange(PEOPLE * 2):08d}-visitor" for _ in range(2))
        said = {
            "verdict": draw.choice(("link", "link", "split", "withdraw")),
            "a": {"type": "anonymous_id", "value": a},
            "b": {"type": "anonymous_id", "value": b},
        }
        connection = self._connection()
        headers = {"Authorization": f"Bearer {self._here.read_key}", "Content-Type": "application/json"}
        connection.request("POST", "/api/v1/judgements", json.dumps(said), headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status != 201 and a != b:
            raise RuntimeError(f"a judgement was answered {answer.status}")
        self._told["judgements"] += answer.status == 201

    def _load(self, _due: float) -> None:
        folder = self._here.directory / "files"
        folder.mkdir(exist_ok=True)
        (folder / "crm.yaml").write_text(_MAPPING)
        file = folder / "crm.csv"
        with file.open("w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(("Id", "Email", "First"))
            begin = self._told["loaded"]
            writer.writerows((f"c{n % PEOPLE}", f"c{n % PEOPLE}@crm.example", f"Ann{n}") for n in
                             range(begin, begin + LOAD_ROWS))  # fmt: skip
        command = [sys.executable, "-m", "onefold", "load", str(file), "--source", "crm", "--mapping",
                   str(folder / "crm.yaml"), "--project", str(self._here.directory), "--json"]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        self._told["loaded"] += LOAD_ROWS

    def _fault(self, due: float) -> None:
        draw = random.Random(f"{self._seed}{self.faulted}")
        time.sleep(draw.random() * 10)
        draw.choice((self._pause, self._half, self._bomb, self._garbage, self._poison, self._stranger, self._storm))()
        self.faulted += 1

    def _pause(self) -> None:
        paused = family(self._pid)
        for pid in paused:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(1.5)
        for pid in paused:
            os.kill(pid, signal.SIGCONT)

    def _half(self) -> None:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", self._here.port), timeout=10) as half:
                half.sendall(b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n" + b"{" * 40_000)

    def _bomb(self) -> None:
        self._expect(413, gzip.compress(b" " * 20_000_000))

    def _garbage(self) -> None:
        self._expect(400, b'{"batch": [')
        self._told["rejected"] += 1

    def _poison(self) -> None:
        self._expect(200, b'{"batch":[' + b",".join(POISON) + b"]}")
        self._told["rejected"] += len(POISON)

    def _stranger(self) -> None:
        for number in range(50):
            connection = self._connection()
            connection.request("POST", "/v1/track", b"{}", {"Authorization": f"Bearer stranger-{number}-aaaaaaaaaa"})
            if connection.getresponse().status != 401:
                raise RuntimeError("a stranger was let in")
            connection.close()

    def _storm(self) -> None:
        several = [socket.create_connection(("127.0.0.1", self._here.port), timeout=10) for _ in range(200)]
        for one in several:
            one.close()

    def _expect(self, status: int, body: bytes) -> None:
        connection = self._connection()
        found = self._send(connection, "/v1/batch", body)
        connection.close()
        if found != status:
            raise RuntimeError(f"a fault was answered {found} where {status} was due")

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._here.port, timeout=30)


def discrepancies(accounts: dict[str, dict[str, Any]], told: dict[str, int]) -> list[str]:
    """Where the server's accounts differ from the producer's ledger, in words.

    A request whose answer was not heard may have been taken, so that many more duplicates are right, and no more.
    """
    found = []
    web = accounts.get("web", {})
    crm = accounts.get("crm", {})
    for name, account, outcome, wanted in (
        ("events", web, "stored", told["stored"]),
        ("poison", web, "rejected", told["rejected"]),
        ("rows", crm, "stored", told["loaded"]),
    ):
        if account.get(outcome, 0) != wanted:
            found.append(f"{name}: {account.get(outcome, 0)} {outcome} where the ledger has {wanted}")
    duplicates = web.get("duplicate", 0)
    if not told["duplicate"] <= duplicates <= told["duplicate"] + told["retried"]:
        found.append(f"events: {duplicates} duplicates where the ledger has {told['duplicate']} to +{told['retried']}")
    if not all(account["balanced"] for account in accounts.values()):
        found.append("an account is not balanced")
    return found
