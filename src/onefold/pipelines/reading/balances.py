"""Accounts: per source, that received = stored + duplicate + rejected + suppressed + what is still on its way."""

from __future__ import annotations

from collections import defaultdict

from onefold.model import results
from onefold.pipelines.context import Context
from onefold.pipelines.reading import progress


def sources(context: Context) -> list[results.Account]:
    """The account of every source, by name. `pending` is 0 once the processor has caught up, in `balanced` accounts.

    `received` is counted by the log when it appends, the outcomes by the processor when it commits: two counts that
    know nothing of each other. The log is read after the store, so `pending` can only be too high, never negative; and
    its ends are read last of all, so who has caught up with them has processed all that was counted. Accounts may balance
    while nothing moves: `moving` is False where items are pending and processing has stood still for a minute.
    """
    outcomes: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(_OUTCOMES, 0))
    reasons: dict[str, dict[str, int]] = defaultdict(dict)
    emq: dict[str, tuple[int, ...]] = {}
    with context.store.snapshot() as snapshot:
        tallies = snapshot.tallies()
        offsets = snapshot.offsets()
    findings: dict[str, dict[str, int]] = defaultdict(dict)
    for tally in tallies:
        if tally.outcome == "finding":
            findings[tally.source][tally.reason] = tally.count
            continue
        outcomes[tally.source][tally.outcome] += tally.count
        if tally.reason:
            reasons[tally.source][tally.reason] = tally.count
        if tally.emq:
            emq[tally.source] = tally.emq
    received = context.log.received()
    caught_up = all(offsets.get(p, 0) >= end for p, end in context.log.ends().items())
    still = progress.standing(context)
    accounts = []
    for source in sorted(received.keys() | outcomes.keys()):
        processed = sum(outcomes[source].values())
        pending = received.get(source, 0) - processed
        accounts.append(
            results.Account(
                source=source,
                received=received.get(source, 0),
                **outcomes[source],
                pending=pending,
                balanced=pending == 0 if caught_up else pending >= 0,
                moving=not (pending and still),
                reasons=reasons[source],
                findings=findings[source],
                emq=emq.get(source, (0,) * 10),
            )
        )
    return accounts


_OUTCOMES = ("stored", "duplicate", "rejected", "suppressed")
