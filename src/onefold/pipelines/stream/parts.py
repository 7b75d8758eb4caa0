"""A backlog in parts: what is processed after a worker hung or was killed, until the entry at fault is known.

One partition at a time, and nothing beyond the part is read ahead, so that a worker's end tells which entries it was at.
"""

from __future__ import annotations

from collections.abc import Mapping

from onefold.model import Rejected
from onefold.pipelines.context import Context
from onefold.pipelines.stream import internal_errors, quarantine
from onefold.pipelines.stream.process import BatchResult

LOOKING = "An entry stopped the worker; it is being looked for, and will be set aside."


def advance(context: Context, leased: Mapping[int, int] | None) -> BatchResult:
    """Process one part of the first partition that has entries, or set the entry at fault aside.

    Raises:
        LeaseLostError: The lease is another worker's by now.
        UnavailableError: The log or the store does not answer.
    """
    progress = context.progress
    with context.store.snapshot() as snapshot:
        offsets = snapshot.offsets()
    for partition, end in sorted(context.log.ends().items()):
        after = offsets.get(partition, 0)
        if after >= end or (leased is not None and partition not in leased):
            continue
        only = None if leased is None else {partition: leased[partition]}
        fault = progress.fault
        if fault is not None and (fault.partition, fault.after) == (partition, after):
            why = Rejected(fault.reason, internal_errors.SENTENCES[fault.reason])
            done = quarantine.set_aside(context, partition, why, only or {})
        else:
            progress.begins(progress.part, partition, after)
            until = context.log.read(partition, after, progress.part)
            done = quarantine.advance(
                context, batch=progress.part, until={partition: until[-1].offset if until else end}, leased=only
            )
        progress.went_well()
        return done
    progress.went_well(nothing_left=True)
    return BatchResult()
