"""The keys of `match` in identity.yaml: how records are matched, and from which probability they join."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from onefold.config.kinds import Field, MapOf, Record, Share, Text
from onefold.matching.fields import KINDS

MATCH = Record(
    {
        "model": Field(
            Text(("learned", "weighted")),
            "`learned` from the records themselves (when left out), or the `weighted` sum of similarities.",
        ),
        "join_from": Field(
            Share(), "Probability that groups of records exceed on average to be one person; 0.85 when left out."
        ),
        "review_from": Field(
            Share(), "Probability from which a pair that is not joined is for somebody to look at; 0.7 when left out."
        ),
        "contradiction_below": Field(
            Share(),
            "Probability under which a pair is not joined by an e-mail address, a phone or a device that both have; 0.05 "
            "when left out.",
        ),
        "uses": Field(
            MapOf(Share()),
            "Probabilities in the place of `join_from` for uses that take more or less care: name and probability. "
            "`onefold identity links --use NAME` asks by one; the people stay as they are.",
        ),
        "fields": Field(
            MapOf(Text(KINDS)), "What traits hold, where the guess by their name is not to be taken: trait and kind."
        ),
        "weights": Field(
            Record(
                {
                    "name": Field(Share(), "Of given and family name; 0.35 when left out."),
                    "address": Field(Share(), "Of the street; 0.3 when left out."),
                    "phone": Field(Share(), "Of the number, or of its end; 0.15 when left out."),
                    "email_domain": Field(Share(), "Of what follows the @; 0.1 when left out."),
                    "postcode": Field(Share(), "Of the postcode; 0.1 when left out."),
                    "missing": Field(
                        Text(("ignore", "zero")),
                        "Whether a field that one record lacks gives its weight to the others (when left out), or counts as "
                        "different.",
                    ),
                }
            ),
            "Of the weighted model.",
        ),
    }
)


class Matching(msgspec.Struct, frozen=True):
    """How the records of a project are matched.

    Attributes:
        model: `learned`, or the `weighted` sum.
        fields: Kinds by trait, as stated.
        weights: Of the weighted sum, as stated.
    """

    model: Literal["learned", "weighted"] = "learned"
    fields: Mapping[str, str] = {}
    weights: Mapping[str, Any] = {}


def matching(stated: Mapping[str, Any] | None) -> Matching | None:
    """What `match` of identity.yaml says; None where it is not there."""
    if stated is None:
        return None
    return Matching(stated.get("model", "learned"), stated.get("fields") or {}, stated.get("weights") or {})
