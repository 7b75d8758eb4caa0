"""Text in one form: small letters without accents, other alphabets in Latin letters."""

from __future__ import annotations

import contextlib
import re
import unicodedata

_SPECIAL = {
    "ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i",
    "а": "a", "б": "b", "в": "v", "г": "g", "ґ": "g", "д": "d", "е": "e", "ё": "e", "є": "ye", "ж": "zh", "з": "z",
    "и": "i", "і": "i", "ї": "i", "й": "y", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r",
    "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y",
    "ь": "", "э": "e", "ю": "yu", "я": "ya",
    "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k", "λ": "l",
    "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "y", "φ": "f",
    "χ": "ch", "ψ": "ps", "ω": "o",
}  # fmt: skip
_LATIN = str.maketrans(_SPECIAL)
_GARBLED = re.compile("[\u00c2-\u00c5][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e]")
_OTHER = re.compile(r"[\W_]+")
_NOTHING = frozenset(
    ("", "null", "none", "nan", "na", "n a", "nil", "unknown", "undefined", "missing", "not available", "not provided",
     "anonymous", "test", "blank", "empty", "xxx", "tbd", "tba")
)  # fmt: skip


def folded(text: str) -> str:
    """Words of small letters and digits with one blank between them; other signs part words, apostrophes vanish."""
    if not text.isascii():
        text = _latin(text)
    text = text.casefold().replace("'", "")
    return _OTHER.sub(" ", text).strip()


def present(text: str) -> bool:
    """Whether a folded text says something: `n/a` and `unknown` are as good as an empty cell."""
    return text not in _NOTHING


def _latin(text: str) -> str:
    if _GARBLED.search(text):
        # UTF-8 that was read as Windows text: once more, the right way round.
        with contextlib.suppress(UnicodeError):
            text = text.encode("cp1252").decode("utf-8")
    # Twice: a sign of mathematics becomes a capital letter, and a capital letter two small ones.
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return plain.translate(_LATIN).replace("\u2019", "").replace("\u02bc", "")
