"""Operations on traits that build on what they were, as vendors spell them (`$add`, `$append`, `$union`, `$remove`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onefold.ingest.findings import finding
from onefold.ingest.stated import Names
from onefold.model import OperationStatement, Verb

OPERATIONS_MAX = 100
"""Operations of one event, each element of a list one."""


def operations(
    stated: Mapping[str, Any], verbs: Mapping[str, Verb], names: Names, where: str
) -> tuple[OperationStatement, ...]:
    """The operations under the keys of `verbs`; what cannot be carried out is a finding.

    An amount is a number; anything else that is put into or taken out of a list may be one element or a list of them.
    """
    found: list[OperationStatement] = []
    for key, verb in verbs.items():
        fields = stated.get(key)
        if fields is None:
            continue
        fault = type(fields) is not dict
        for field, value in fields.items() if type(fields) is dict else ():
            elements = value if type(value) is list else [value]
            if field == "consent" or (verb == "add" and type(value) not in (int, float)):
                fault = True
                continue
            # Put before a list one by one, they would stand there the other way round.
            turned = elements[::-1] if verb in ("prepend", "union_first") else elements
            found += [OperationStatement(field, verb, element) for element in turned if element is not None]
        if fault:
            names.findings.append(finding("operation_ignored", f"{where}/{key}"))
    if len(found) > OPERATIONS_MAX:
        names.findings.append(finding("list_cut", where))
    return tuple(found[:OPERATIONS_MAX])
