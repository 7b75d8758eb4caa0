"""A look-up from a file is made on the loop, one over a network beside it."""

import asyncio
import threading
from types import SimpleNamespace

import pytest

from onefold.model import Identifier
from onefold.serving.lookup import looked_up


@pytest.mark.parametrize("remote", [False, True])
def test_a_look_up_over_a_network_does_not_hold_the_loop_up(remote):
    def profile(who):
        return {"thread": threading.get_ident(), "who": who.value}

    async def ask():
        caller = SimpleNamespace(workspace=SimpleNamespace(remote=remote, profile=profile))
        return await looked_up(caller, Identifier("user_id", "ann")), threading.get_ident()

    found, loop = asyncio.run(ask())
    assert found["who"] == "ann"
    assert (found["thread"] == loop) is not remote
