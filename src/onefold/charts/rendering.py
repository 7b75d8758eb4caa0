"""Rendering: a specification becomes a file that stands alone. No host is asked for anything, then or when it is opened."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from onefold.errors import ConfigurationError, UsageError

SUFFIXES = (".html", ".svg", ".png", ".json")
"""A page with its scripts in it, two kinds of picture, and the specification itself, which needs no extra."""
_SCALE = 2.0
_LESS = "\ue000"
"""Stands for `<` on the way through whoever makes the page; a private letter that no text has."""


def write(spec: dict[str, Any], to: Path) -> None:
    """Write a chart, as what the file's name ends with; a file that is there is replaced.

    Raises:
        ConfigurationError: The extra is not installed.
        UsageError: The name ends otherwise.
    """
    kind = to.suffix.lower()
    if kind not in SUFFIXES:
        raise UsageError(f"A chart is a file named *{', *'.join(SUFFIXES)}; not {to.name}.")
    data = json.dumps(spec, ensure_ascii=False, indent=2).encode() if kind == ".json" else _rendered(spec, kind)
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(data)


def _rendered(spec: dict[str, Any], kind: str) -> bytes:
    if find_spec("vl_convert") is None:
        raise ConfigurationError("charts need the extra: pip install 'onefold[charts]'; a chart as .json needs none")
    import vl_convert  # noqa: PLC0415  only where the extra is

    # What a specification names elsewhere is refused, though ours name nothing.
    nowhere: list[str] = []
    if kind == ".svg":
        return vl_convert.vegalite_to_svg(spec, allowed_base_urls=nowhere).encode()
    if kind == ".png":
        return vl_convert.vegalite_to_png(spec, scale=_SCALE, allowed_base_urls=nowhere)
    # The specification stands within a script, which a text such as `</script>` of the data must not end.
    page = vl_convert.vegalite_to_html(_inert(spec), bundle=True, renderer="svg").replace(_LESS, "\\u003c")
    # A page may not send either, whatever a script of it would: that is the browser's to see to.
    policy = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:"
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    return page.replace("<head>", f"<head>\n{meta}", 1).encode()


def _inert(value: Any) -> Any:
    """The specification without `<` in any text."""
    if isinstance(value, str):
        return value.replace("<", _LESS)
    if isinstance(value, dict):
        return {name: _inert(part) for name, part in value.items()}
    return [_inert(part) for part in value] if isinstance(value, list) else value
