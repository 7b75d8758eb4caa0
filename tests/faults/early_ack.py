"""A server with the bug that the kill test must find: it answers before the commit, as fast products do."""

import asyncio
import sys

from onefold.cli import main
from onefold.serving.appender import Appender

durable = Appender.append


def early(self, entries, size):
    """Answer now, append in a moment."""
    loop = asyncio.get_running_loop()
    loop.call_later(0.05, durable, self, entries, size)
    answered = loop.create_future()
    answered.set_result(None)
    return answered


Appender.append = early
sys.argv[0] = "onefold"
main()
