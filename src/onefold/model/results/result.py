"""What all results have in common."""

from __future__ import annotations

import msgspec


class Result(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What all results have in common."""

    def __repr__(self) -> str:
        """Show the kind only: values are personal data."""
        return f"<{type(self).__name__} …>"
