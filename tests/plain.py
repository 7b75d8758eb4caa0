"""Results as JSON values, which is how a client sees them: tests read `found["counters"]["events"]`.

Under the names of the modules they wrap: `profiles.profile(context, who)` is `pipelines.reading.profiles.profile`.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

import msgspec

from onefold.pipelines.maintenance import dead_letters as _dead_letters
from onefold.pipelines.reading import balances as _balances
from onefold.pipelines.reading import explanations as _explanations
from onefold.pipelines.reading import profiles as _profiles


class _Plain:
    """A module whose functions return JSON values in place of structs."""

    def __init__(self, module: ModuleType, *names: str) -> None:
        self._module = module
        self._names = names

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if name not in self._names:
            return found

        @functools.wraps(found)
        def plain(*given: Any, **more: Any) -> Any:
            return msgspec.json.decode(msgspec.json.encode(found(*given, **more)))

        return plain


profiles = _Plain(_profiles, "profile", "identifiers", "timeline", "history", "event")
explanations = _Plain(_explanations, "explain")
balances = _Plain(_balances, "sources")
dead_letters = _Plain(_dead_letters, "listed", "shown")
