"""Circumstances: page, device, library and the like, from where a vendor keeps them to where our context has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Places = Mapping[str, tuple[str] | tuple[str, str]]
"""A vendor's field to its place in the context: a name, or a name within an object."""


def placed(fields: dict[str, Any], places: Places, shared: dict[str, Any]) -> dict[str, Any]:
    """The context that `fields` state, over what the edge knows of the request (see `framing.entries`)."""
    edge = shared.get("edge")
    context: dict[str, Any] = dict(edge) if type(edge) is dict else {}
    for key, value in fields.items():
        path = places.get(key)
        if path is None or value is None:
            continue
        if len(path) == 1:
            context[path[0]] = value
        else:
            inner = context.setdefault(path[0], {})
            if type(inner) is dict:
                inner[path[1]] = value
    return context
