"""Patterns: which open pairs to decide at once, by how their fields agree and by their probability."""

from __future__ import annotations

import msgspec

from onefold.model import results


class Pattern(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which open pairs to decide at once: those of which all of this is true.

    Attributes:
        equal: Fields that are equal on both sides but for case and accents.
        close: Fields that are equal or close.
        different: Fields that both sides have, and that are neither.
        missing: Fields that a side lacks.
        probability_min: The lowest probability.
        probability_max: The highest.
    """

    equal: tuple[str, ...] = ()
    close: tuple[str, ...] = ()
    different: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    probability_min: float | None = None
    probability_max: float | None = None

    def __str__(self) -> str:
        """In words, for the reason of the decision."""
        told = [f"{name} {word}" for word in ("equal", "close", "different", "missing") for name in getattr(self, word)]
        told += [] if self.probability_min is None else [f"probability at least {self.probability_min:g}"]
        told += [] if self.probability_max is None else [f"probability at most {self.probability_max:g}"]
        return ", ".join(told)

    def fits(self, found: results.ReviewPair) -> bool:
        """Whether a pair is of this pattern."""
        p = found.probability
        if self.probability_min is not None and (p is None or p < self.probability_min):
            return False
        if self.probability_max is not None and (p is None or p > self.probability_max):
            return False
        by = {field.field: field.agreement for field in found.fields}
        return (
            all(by.get(name) == "equal" for name in self.equal)
            and all(by.get(name) in {"equal", "close"} for name in self.close)
            and all(by.get(name) == "different" for name in self.different)
            and all(by.get(name, "missing") == "missing" for name in self.missing)
        )
