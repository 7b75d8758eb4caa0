"""Patterns: regular expressions out of configuration, matched in time linear in the text.

`re` backtracks: `^(a|a)*$` takes it for ever on forty letters and one more, and so would any pattern that slips past a guard
against such forms. RE2 cannot: it knows no look-around and no back-references, and says so when a pattern is compiled.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import re2

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
# Bounds the automaton, and with it the time a character takes.
_OPTIONS.max_mem = 1 << 20
_UNICODE_ESCAPE = re.compile(r"((?<!\\)(?:\\\\)*)\\u([0-9a-fA-F]{4})")


class PatternError(ValueError):
    """A pattern that RE2 cannot read; the message says what it stumbled over."""


@lru_cache(maxsize=1_000)
def search(pattern: str) -> Callable[[str], bool]:
    """Whether a text contains the pattern, as JSON Schema has it: unanchored, `$` at the very end only.

    Raises:
        PatternError: It is not a pattern, is too large, or needs what takes exponential time (look-around,
            back-references).
    """
    try:
        # JSON Schema's patterns are ECMAScript's, which write a character by its number in a way of their own.
        found = re2.compile(_UNICODE_ESCAPE.sub(r"\1\\x{\2}", pattern), _OPTIONS).search
    except (re2.error, UnicodeEncodeError) as error:
        why = error.args[0] if isinstance(error, re2.error) else "not UTF-8"
        raise PatternError(why.decode(errors="replace") if isinstance(why, bytes) else str(why)) from None
    return lambda text: found(text) is not None


_COMMON = re.compile(
    r"""(?:
        [^\\\[\](){}|?*+^$.]  # a character that means itself
      | \\[.\[\](){}|?*+^$\\/-]  # or is made to
      | [.^$|()]
      | \[\^?(?:[^\\\[\]^-](?:-[^\\\[\]^-])?)+-?\]  # a class of characters and ranges
      | (?<![(|?*+^${}])(?:[?*+]|\{[0-9]{1,2}(?:,(?:[0-9]{1,2})?)?\})
    )*""",
    re.VERBOSE,
)


def is_common(pattern: str) -> bool:
    """Whether all engines read the pattern alike, once `common` has written it."""
    return _COMMON.fullmatch(pattern) is not None


def common(pattern: str) -> str:
    """The pattern with its dots written as what they mean: any character but a line's end."""
    return re.sub(r"(\\.|\[[^\]]*\])|\.", lambda found: found[1] or "[^\n]", pattern)
