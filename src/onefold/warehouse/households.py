"""Households in the warehouse: which records state the family name and the address of which household."""

from __future__ import annotations

from onefold.model import Column, Relation

HOUSEHOLD = Relation(
    "golden",
    "household",
    (
        Column("household", "uuid", description="A family name and an address, as a keyed hash.", required=True),
        Column("node", "uuid", description="The identity node of a record that states them.", required=True),
    ),
    "table",
    "Records by the household whose family name and address they state, as the latest run of the matcher read them.",
    ("node",),
)  # fmt: skip
