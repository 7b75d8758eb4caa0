"""Consent words: what people's systems write into columns of opt-ins and opt-outs, and what it says.

Unknown is unknown: `pending` and `not asked` state nothing. A refusal is never lost: a word that nobody foresaw counts
as a no, and is told.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from enum import Enum

from onefold.connectors.sources.language import ANY, Field

_KNOWN_MAX = 1_000


class Answer(Enum):
    """What a word says of consent."""

    YES = "yes"
    NO = "no"
    NOTHING = "nothing"
    UNREADABLE = "unreadable"
    """It may be a refusal, so it counts as one, and is told."""


_YES = frozenset(
    (
        "yes", "y", "true", "t", "1", "1.0", "x", "on", "ok", "okay", "✓", "✔", "checked", "wahr", "vrai", "verdadero",
        "verdadeiro", "vero", "waar", "sand", "sant", "prawda", "ja", "j", "oui", "o", "si", "s", "sim", "da", "tak",
        "kylla", "evet", "hai", "はい", "是", "да",
    )
)  # fmt: skip
_NO = frozenset(
    (
        "no", "n", "false", "f", "0", "0.0", "off", "unchecked", "falsch", "faux", "falso", "onwaar", "falsk", "falsz",
        "nein", "non", "nao", "nie", "nee", "nej", "nei", "ei", "ne", "net", "hayir", "いいえ", "否", "нет",
    )
)  # fmt: skip
_NOTHING = re.compile(
    r"(unknown|undefined|unspecified|unset|not (set|asked|specified|provided|available|applicable|known|given|yet)\b.*"
    r"|no (answer|response|data|reply|information|value|status|preference)|never subscribed|none|null|nil|n a|na|nan"
    r"|pending\b.*|.*\bpending|unconfirmed|awaiting\b.*|not confirmed|tbd|blank|empty|select|please select|other"
    r"|unbekannt|keine angabe|offen|ausstehend|inconnue?|non renseigne|en attente|desconocido|sin especificar|pendiente"
    r"|sconosciuto|in attesa|desconhecido|pendente|onbekend|nieznan[ye]|ukjent|okand|ukendt|tuntematon|\W*)"
)
_REFUSED = re.compile(
    r"unsub|desub|opt(ed|ing)? ?out|\bout\b|do(es)? ?n[o']?t|\bdnc\b|\bnever\b|stop|revok|withdr|den(y|ied)|declin|refus"
    r"|reject|block|suppress|clean|bounc|complain|spam|remov|delet|disabl|inactiv|cancel|expire|exclu|forbid|prohibit|lapsed|ended"
    r"|no longer|\bnot? |\bnon |\bnone of|invalid|archiv|paused?$|quit|left\b"
    r"|abgemeldet|abbestellt|widerruf|widersproch|abgelehnt|gekundigt|gesperrt|\bkein|\bnicht"
    r"|desabonn|desinscri|resili|retir|\bpas\b|\bsans\b|baja|rechaz|anulad|cancelad|revocad|denegad|disiscr|annullat|rifiut"
    r"|uitgeschr|afgemeld|opgezegd|\bgeen\b|\bniet\b|avregistr|avmeldt|frameldt|\binte\b|\bikke\b|wypisan|odwolan|rezygn"
)
_ACCEPTED = re.compile(
    r"opt(ed|ing)? ?in|subscri|accept|agree|consent|grant|allow|permi|confirm|activ|enabl|approv|authori|verified"
    r"|week|daily|month|quarter|annual|year|digest|immediate|instant|all\b|every|regular|\bhtml\b|\btext\b|\bin\b|given|legitimate"
    r"|angemeldet|abonn|zugestimmt|einverstanden|eingewilligt|aktiv|bestatigt|wochentlich|monatlich|taglich"
    r"|inscrit|souscri|hebdomad|mensuel|quotidien|suscri|acept|autoriz|semanal|mensual|diari|iscritt|accett|settimanal|mensil"
    r"|aangemeld|ingeschr|akkoord|wekelijks|maandelijks|toegestaan|pameldt|tilmeldt|godkan|godkjent|samtyck|zapisan|zgod|wyrazon"
)


def folded(text: str) -> str:
    """A word as it is compared: small letters, no accents, blanks for hyphens and underscores."""
    plain = unicodedata.normalize("NFKD", text.casefold()).replace("ł", "l").replace("ø", "o")
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return " ".join(re.sub(r"[_\-./]+", " ", plain).split())


def opted_in(text: str) -> Answer:
    """What a word says in a column that says yes to something."""
    word = folded(text)
    if text.casefold() in _YES or word in _YES:
        return Answer.YES
    if text.casefold() in _NO or word in _NO:
        return Answer.NO
    if _NOTHING.fullmatch(word):
        return Answer.NOTHING
    if _REFUSED.search(word):
        return Answer.NO
    return Answer.YES if _ACCEPTED.search(word) else Answer.UNREADABLE


def opted_out(text: str) -> Answer:
    """What a word says in a column that says no to something: never yes, for who did not refuse has not agreed."""
    word = folded(text)
    if text.casefold() in _YES or word in _YES:
        return Answer.NO
    if text.casefold() in _NO or word in _NO or _NOTHING.fullmatch(word):
        return Answer.NOTHING
    if _REFUSED.search(word) or any(character.isdigit() for character in word):
        return Answer.NO  # `opted out`, `2021-03-04`: the word, or the day it was said
    return Answer.NOTHING if _ACCEPTED.search(word) else Answer.UNREADABLE


def reading(field: Field) -> Callable[[str], Answer]:
    """How a consent field reads a word that is not blank: its own lists first, then the usual words, else as a no."""
    known: dict[str, Answer] = dict.fromkeys(field.unknown, Answer.NOTHING)
    known |= dict.fromkeys(field.granted, Answer.YES) | dict.fromkeys(field.denied, Answer.NO)
    other = known.get(ANY)
    usual = {"opt_in": opted_in, "opt_out": opted_out}.get(field.reads)
    plain = not (field.denied or field.unknown)

    def read(text: str) -> Answer:
        word = text.casefold()
        answer = known.get(word)
        if answer is None:
            if other is not None:
                answer = other
            elif usual is not None:
                answer = usual(text)
            else:
                # With `granted` alone, every other word plainly means no.
                answer = Answer.NO if plain else Answer.UNREADABLE
            if len(known) < _KNOWN_MAX:
                known[word] = answer
        return answer

    return read
