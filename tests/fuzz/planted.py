"""Bugs planted for the fuzzers' own trial: each breaks on a ~, after a Q where inputs are quick; no seed holds both."""

from __future__ import annotations

import sys
from typing import Any


def plant(target: str) -> None:
    """Put a bug into what `target` fuzzes."""
    module = sys.modules[f"tests.fuzz.{target}"]
    if target == "events":
        _wrap(module.JUDGE.__class__, "check", lambda args: args[1].body)
    elif target == "identifiers":
        _wrap(module, "normalise", lambda args: args[1].encode("utf-8", "replace"))
    else:
        # Files are tried more slowly than events, so one step has to do.
        _wrap(module.files, "rows", lambda args: b"Q" + args[0].read_bytes())


def _wrap(owner: Any, name: str, bytes_of: Any) -> None:
    whole = getattr(owner, name)

    def broken(*args: Any) -> Any:
        _break(bytes_of(args))
        return whole(*args)

    setattr(owner, name, broken)


def _break(data: bytes) -> None:
    # One step after the other, so that coverage shows the fuzzer how warm it is.
    at = data.find(b"Q")
    if at < 0:
        return
    if b"~" in data[at:]:
        raise ZeroDivisionError("planted")
