"""Printable text: what comes from outside, made safe for a terminal. Everything a command prints goes through here.

A write key is public, so anybody may put escape sequences and markup into what an operator will read. Data is never
markup, and no character of it moves the cursor, colours the screen, or writes from right to left over what stands there.
"""

from __future__ import annotations

import re
import sys
from typing import TextIO

# C0 but tab and newline, DEL, C1; marks, embeddings, overrides and isolates of direction; line and paragraph separators;
# halves of surrogate pairs, which no encoding has.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """The text, with every character that would act on a terminal written as an escape."""
    return _UNSAFE.sub(lambda found: _written(found.group()), text)


def printable_json(document: str) -> str:
    """A JSON document, likewise: such characters stand in texts only, where JSON has an escape for each."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", document)


def tolerate_encodings(*streams: TextIO) -> None:
    """Have streams write what their encoding lacks as an escape, instead of failing in the middle of a result."""
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def holds_all_characters(stream: TextIO) -> bool:
    """Whether a stream's encoding has every character."""
    return (stream.encoding or "").lower().replace("-", "").replace("_", "").startswith("utf")


def _written(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def tell(line: str) -> None:
    """Write one line to standard error."""
    sys.stderr.write(printable(line) + "\n")
