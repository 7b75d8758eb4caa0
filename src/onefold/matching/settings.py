"""Settings of a match, as `identity.yaml` states them."""

from __future__ import annotations

from typing import Literal

import msgspec

from onefold.errors import ConfigurationError, UsageError
from onefold.matching.fields import KINDS

Missing = Literal["ignore", "zero"]


class Weights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The weighted model: what each similarity counts for, and from which sum on a pair is joined or shown to a person.

    Attributes:
        name: Of given and family name.
        address: Of the street.
        phone: Of the number, or of its end.
        email_domain: Of what follows the @.
        postcode: Of the postcode.
        auto: From here on, a pair is one person.
        review: From here on, somebody should look at it.
        missing: A field that one of the records lacks is left out of the sum and its weight given to the others
            (`ignore`), or counts as wholly different (`zero`).
    """

    name: float = 0.35
    address: float = 0.30
    phone: float = 0.15
    email_domain: float = 0.10
    postcode: float = 0.10
    auto: float = 0.85
    review: float = 0.70
    missing: Missing = "ignore"

    def __post_init__(self) -> None:
        """Refuse what makes no sum."""
        parts = (self.name, self.address, self.phone, self.email_domain, self.postcode)
        if min(parts) < 0 or not sum(parts):
            raise ValueError("weights are 0 or more, and one of them is more than 0")
        if not 0 <= self.review <= self.auto <= 1:
            raise ValueError("thresholds are between 0 and 1, `review` not above `auto`")


class MatchSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a table is matched.

    Attributes:
        fields: What columns hold, where the guess is not to be taken: column and kind.
        model: `learned` from the table itself, or the `weighted` sum of similarities.
        weights: Of the weighted model.
        stop: The average, in natural-log odds, that two groups of records have to exceed to be one person: below 0 more
            are joined, above 0 fewer. `auto` is 0 for small tables and more for large ones (`clustering.usual_stop`).
        review_from: The probability from which pairs that are not joined are listed.
        region: The country of phone numbers without one (ISO 3166, two letters).
        exclusive_sources: Sources that hold each person once, so that no two of their records are one person. `auto` finds
            out; a list names them; an empty list says that there are none.
        memory_mb: What comparing may take.
    """

    fields: dict[str, str] = {}
    model: Literal["learned", "weighted"] = "learned"
    weights: Weights = Weights()
    stop: float | Literal["auto"] = "auto"
    review_from: float = 0.05
    region: str | None = None
    exclusive_sources: Literal["auto"] | list[str] = "auto"
    memory_mb: int = 2_048

    def __post_init__(self) -> None:
        """Refuse kinds that do not exist."""
        for column, kind in self.fields.items():
            if kind not in KINDS:
                raise ValueError(f"`{kind}` of column `{column}` is not a kind of field; there are {', '.join(KINDS)}")
        if not 0 < self.review_from < 1:
            raise ValueError("`review_from` is a probability between 0 and 1")


class Decision(msgspec.Struct, frozen=True):
    """Somebody's word on two records, by their ids; no score overrides it."""

    record_a: str
    record_b: str
    verdict: Literal["same", "different"]


def read(text: bytes, file: str) -> MatchSettings:
    """Settings from YAML, which may stand under the key `match`.

    Raises:
        ConfigurationError: They are not settings; the message says where and why.
    """
    try:
        stated = msgspec.yaml.decode(text) or {}
        if isinstance(stated, dict) and "match" in stated:
            stated = stated["match"]
        return msgspec.convert(stated, MatchSettings)
    except msgspec.ValidationError as error:
        known = ", ".join(MatchSettings.__struct_fields__)
        raise ConfigurationError(f"{file}: {error}. Settings are {known}.") from error
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{file} is not YAML: {error}") from error


def decisions(rows: list[tuple[str, str, str]]) -> tuple[Decision, ...]:
    """Decisions of rows of two record ids and a verdict.

    Raises:
        UsageError: A verdict is neither `same` nor `different`.
    """
    found = []
    for one, other, verdict in rows:
        if verdict not in ("same", "different"):
            raise UsageError(f"A verdict is `same` or `different`, not `{verdict}`.")
        found.append(Decision(one, other, "same" if verdict == "same" else "different"))
    return tuple(found)
