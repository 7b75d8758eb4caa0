"""A promise: a function that takes a profile store and fails if the store does not keep it. All are run on all adapters."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from onefold.ports import ProfileStore

Promise = Callable[[ProfileStore], None]

_PROMISES: list[Promise] = []


def promise(check: Promise) -> Promise:
    _PROMISES.append(check)
    return check


def promises(*modules: ModuleType) -> list[Promise]:
    """The promises that these modules state, in their order."""
    return [check for module in modules for check in _PROMISES if check.__module__ == module.__name__]
