"""Households of a workspace: which records state one family name and one address.

The table of them holds nodes and keyed hashes only. Whose a record is comes from the identity graph when somebody asks, so a
household changes with every merge and split, and is as it was once they are taken back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from onefold.identity.hashing import Hasher
from onefold.matching import values
from onefold.model import NodeId
from onefold.pipelines.matching.records import Cells

_KIND = "household"


def households(records: Mapping[NodeId, Cells], hasher: Hasher) -> list[tuple[NodeId, NodeId]]:
    """(household, node) of all records whose family name and address at least one other record states, in order."""
    at: dict[str, list[NodeId]] = defaultdict(list)
    for node, cells in records.items():
        if (place := _place(cells)) is not None:
            at[place].append(node)
    return sorted(
        (hasher.node_id(_KIND, place), node) for place, nodes in at.items() if len(nodes) > 1 for node in nodes
    )


def _place(cells: Cells) -> str | None:
    """Family name and address in the form in which they are compared; None where one of them is not stated."""
    family = values.family_name(cells.get("family_name", ""))[0]
    street = values.street(cells.get("street", ""))[0]
    # Where there is no postcode, the city tells.
    area = values.postcode(cells.get("postcode", ""))[0] or values.word(cells.get("city", ""))[0]
    if not family or not street or not area:
        return None
    number = values.word(cells.get("house_number", ""))[0] or ""
    return f"{family}\n{street}\n{number}\n{area}"
