"""The spine in one small program: append, write the ledger, process; killed anywhere, it goes on where it was.

The ledger is the producer's: an id stands in it once its append returned. What does not stand in it is sent again.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests import workbench

from onefold import bootstrap
from onefold.pipelines import isolation

PEOPLE = 7
BATCH = 3


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


def work(directory: str, ledger: str, batches: str) -> None:
    """Append and process that many more batches."""
    book = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    sent = acknowledged(Path(ledger))
    with bootstrap.opened(Path(directory), None) as workspace:
        for number in range(sent, sent + int(batches)):
            workspace.parts.log.append(
                [
                    workbench.entry(body, index=index, received_at_us=workbench.NOW_US + number)
                    for index, body in enumerate(batch_from(number))
                ]
            )
            os.write(book, b"+\n")
            isolation.advance(workspace.parts)


def early(directory: str, ledger: str, batches: str) -> None:
    """The bug to be found: the ledger is written before the append."""
    book = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    sent = acknowledged(Path(ledger))
    with bootstrap.opened(Path(directory), None) as workspace:
        for number in range(sent, sent + int(batches)):
            os.write(book, b"+\n")
            workspace.parts.log.append(
                [
                    workbench.entry(body, index=index, received_at_us=workbench.NOW_US + number)
                    for index, body in enumerate(batch_from(number))
                ]
            )
            isolation.advance(workspace.parts)


def twofold(directory: str, ledger: str, batches: str) -> None:
    """The bug to be found: de-duplication keys are not claimed, so what is sent again is counted again."""
    from onefold.adapters.sqlite.transaction import SqliteTransaction

    SqliteTransaction.claim = lambda self, keys: [True] * len(keys)  # type: ignore[method-assign]
    work(directory, ledger, batches)
