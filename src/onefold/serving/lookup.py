"""Look-ups of profiles, on the event loop or beside it."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool

from onefold.model import Identifier
from onefold.serving.access import Caller


async def looked_up(caller: Caller, who: Identifier) -> dict[str, Any] | None:
    """A profile, or None for nobody.

    From a file it is read on the loop: that takes a fraction of a millisecond, a change of thread under load several. Over
    a network it is read on a thread, for nobody knows how long it takes.
    """
    read = caller.workspace.profile
    return await run_in_threadpool(read, who) if caller.workspace.remote else read(who)
