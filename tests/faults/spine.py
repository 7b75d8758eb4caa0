"""The spine in one small program: append, write the ledger, process; killed anywhere, it goes on where it was.

The ledger is the producer's: an id stands in it once its append returned. What does not stand in it is sent again.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from tests import workbench
from tests.plain import profiles

from onefold import bootstrap
from onefold.adapters.sqlite.transaction import SqliteTransaction
from onefold.errors import UnavailableError
from onefold.model import Identifier
from onefold.pipelines.stream import quarantine

PEOPLE = 7
BATCH = 3
TRIES = 500


def batch_from(number: int) -> list[dict]:
    """The events of a batch, the same each time they are sent; some join people, some are poison."""
    return [
        {
            "type": "identify" if n % 5 == 0 else "track",
            "event": None if n % 5 == 0 or n % 11 == 3 else "Read",
            "userId": f"u{n % PEOPLE}",
            "anonymousId": f"c{n % (2 * PEOPLE)}",
            "messageId": f"m{n}",
            "timestamp": workbench.iso(n % 80_000),
        }
        for n in range(number * BATCH, (number + 1) * BATCH)
    ]


def acknowledged(ledger: Path) -> int:
    """Batches that stand in the ledger. A line cut short by a kill was never acknowledged."""
    return ledger.read_bytes().count(b"\n") if ledger.exists() else 0


def append(workspace: bootstrap.Workspace, number: int) -> None:
    """Append a batch."""
    workspace.context.log.append(
        [
            workbench.entry(body, index=index, received_at_us=workbench.NOW_US + number)
            for index, body in enumerate(batch_from(number))
        ]
    )


def book_of(ledger: str) -> tuple[int, int]:
    """The ledger, open for writing, and how many batches stand in it."""
    return os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), acknowledged(Path(ledger))


def work(directory: str, ledger: str, batches: str) -> None:
    """Append and process that many more batches."""
    book, sent = book_of(ledger)
    with bootstrap.opened(Path(directory), None) as workspace:
        for number in range(sent, sent + int(batches)):
            append(workspace, number)
            os.write(book, b"+\n")
            quarantine.advance(workspace.context)


def endure(directory: str, ledger: str, batches: str) -> None:
    """The same, on a disk that fails now and then: what is refused is tried again, a bounded number of times."""
    book, sent = book_of(ledger)
    with bootstrap.opened(Path(directory), None) as workspace:
        for number in range(sent, sent + int(batches)):
            tried(lambda number=number: append(workspace, number))
            os.write(book, b"+\n")
            tried(lambda: quarantine.advance(workspace.context))
            look(workspace)


def tried(call: Callable[[], object]) -> None:
    """Do it, once the store is available. Whatever else is raised ends the program."""
    for _ in range(TRIES):
        try:
            call()
        except UnavailableError:
            time.sleep(0.001)
        else:
            return
    raise UnavailableError("The disk did not recover in time.")


def look(workspace: bootstrap.Workspace) -> None:
    """A look-up, which goes on whatever the disk does to writes."""
    profiles.profile(workspace.context, Identifier("user_id", "u0"))


def early(directory: str, ledger: str, batches: str) -> None:
    """The bug to be found: the ledger is written before the append."""
    book, sent = book_of(ledger)
    with bootstrap.opened(Path(directory), None) as workspace:
        for number in range(sent, sent + int(batches)):
            os.write(book, b"+\n")
            append(workspace, number)
            quarantine.advance(workspace.context)


def careless(directory: str, ledger: str, batches: str) -> None:
    """The bug to be found: what the disk refused is taken for done."""
    book, sent = book_of(ledger)
    with bootstrap.opened(Path(directory), None) as workspace:
        for number in range(sent, sent + int(batches)):
            with contextlib.suppress(UnavailableError):
                append(workspace, number)
            os.write(book, b"+\n")
            with contextlib.suppress(UnavailableError):
                quarantine.advance(workspace.context)


def twofold(directory: str, ledger: str, batches: str) -> None:
    """The bug to be found: de-duplication keys are not claimed, so what is sent again is counted again."""
    SqliteTransaction.claim = lambda _self, keys: [True] * len(keys)  # type: ignore[method-assign]
    work(directory, ledger, batches)
