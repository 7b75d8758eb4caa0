"""Planning of identity settings, as whoever asks for it knows it; `bootstrap` has what does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from onefold.model import results


class IdentityPlanning(Protocol):
    """Supposes and applies what a project's identity.yaml says, for one workspace. Any thread may call it."""

    def plan(self, changed: Mapping[str, Any]) -> tuple[results.IdentityPlan, str]:
        """What identity.yaml would do with these keys in the place of its own, and a tag of both and of what is stored.

        Raises:
            UsageError: The keys, or the file, cannot be used.
        """
        ...

    def apply(self, tag: str | None) -> results.IdentityApplied:
        """Let identity.yaml hold for what is stored, as it was planned with this tag; None where nobody planned.

        Raises:
            ConflictError: All evidence of somebody was judged, so that only a rebuild can apply it.
            StaleError: The file, or what is stored, is another than it was planned for.
            UnavailableError: This process works by the settings of before.
            UsageError: The file cannot be used.
        """
        ...

    def stated(self) -> tuple[results.IdentityStated, str]:
        """What identity.yaml says now, and a tag of it.

        Raises:
            UsageError: The file cannot be used.
        """
        ...

    def save(self, changed: Mapping[str, Any], tag: str) -> None:
        """Write these keys into identity.yaml, where it still has this tag; who is who stays as it is until that is applied.

        Raises:
            ReadOnlyError: The project's files cannot be changed from here.
            StaleError: The file is another by now.
            UsageError: The keys cannot be used, or only a person can edit the file.
        """
        ...

    def undo(self, tag: str) -> None:
        """Write back what identity.yaml said before it was last changed so.

        Raises:
            ReadOnlyError: The project's files cannot be changed from here.
            StaleError: The file is another by now, or was not changed so.
        """
        ...
