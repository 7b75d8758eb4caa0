"""Consent columns: which columns of an export state an opt-in or an opt-out, and for what purpose."""

from __future__ import annotations

import re
from collections.abc import Iterable

from onefold.connectors.sources.consent_words import Answer, folded, opted_in
from onefold.connectors.sources.language import Field, Reads
from onefold.connectors.sources.samples import Sample, dates

_OUT = re.compile(
    r"opt(?:ed|ing)?out|unsub|desub|donot|\bdont|nobulk|^no(?:e?mails?|mailings?|sms|texts?|calls?|phone|contact|solicit|marketing|post)"
    r"|(?:email|mail|sms|phone|marketing|newsletter)s?(?:is)?(?:disabled|stop|stopped|blocked|suppressed|refused|bounced)|suppressed"
    r"|disable(?:email|mail|sms)|hardbounce|blacklist|stopemail|emailstop|donotcontact|doesnotwant|excludefrom|wantsno|refuses"
    r"|neverphone|nevermail|neveremail|nevercontact|abgemeldet|abmeldung|werbesperre|mailsperre|widerspr|widerruf|keine(?:werbung|mail|email|post)"
    r"|desabonn|desinscri|nepas|opposition|baja|norecibir|disiscri|nonaccett|uitschrijv|afgemeld|geenmail|geenpost|avregistr"
    r"|^dnc$|^dnm$|^dne$|cleantime|cleanedat|complained"
)
_IN = re.compile(
    r"opt(?:ed|ing)?in(?!g)|(?<!un)subscribed|newsletters?|accepts?.{0,8}marketing|marketingaccept|consent|permission|agree(?:d|s)?to"
    r"|e?mailmarketing|marketinge?mail|smsmarketing|marketingsms|marketingstatus|allow(?:s|ed)?(?:email|mail|sms|contact|marketing)"
    r"|(?:email|mailing|newsletter|sms)(?:subscription|subscriptions|preference|allowed|enabled|ok|optin)|subscri(?:ption|be)status"
    r"|receives?(?:email|mail|sms|newsletter|text|news)|wants?(?:email|mail|sms|newsletter|news)|joinmailinglist|mailinglist|maillist"
    r"|gdprstatus|mayweemail|cancontact|contactable|e?mailok|canemail"
    r"|einwillig|abonniert|newsletterabo|zustimm|werbung|infolettre|inscrit|consentement|accepte|lettredinformation|bulletin"
    r"|suscrit|suscripcionboletin|boletin|aceptamarketing|consentimiento|iscritto|consenso|accettamarketing|inscrito|aceita"
    r"|nieuwsbrief|toestemming|ingeschreven|nyhedsbrev|nyhetsbrev|samtyck|samtykke|zgoda"
)
_NOT_AN_ANSWER = re.compile(
    r"(?:ip|ipaddress|source|campaign|title|reason|url|method|text|version|note|notes|comment|form|medium|by|count|name|id|language)$"
)
_TIME = re.compile(r"(?:date|time|at|on|timestamp|datum|fecha|data)$")
_CHANNELS: tuple[tuple[str, str], ...] = (
    (r"sms|textmess|textmark|\btext|texts|mms", "sms"),
    (r"whatsapp", "whatsapp"),
    (r"push", "push"),
    (
        r"e[ -]?mail|newsletter|bulletin|boletin|infolettre|nyhe[dt]sbrev|nieuwsbrief|courriel|correo|mailing ?list|maillist",
        "email",
    ),
    (r"fax", "fax"),
    (r"phone|call|telemark|telefon|\bdnc\b|dialer|voice", "phone"),
    (r"directmail|postal|\bpost|letter|\bmail|mail(?:sperre|ings?)?$|brief|\bdnm\b", "mail"),
    (r"trade|share|exchange|thirdparty|swap|sell", "sharing"),
    (r"solicit|contact|all$|alles|any", "all"),
    (r"gdpr|marketing|werbe|werbung", "marketing"),
)  # fmt: skip
"""Purpose by the words of a column's name; the first that is there."""

_SHARE = 0.8
_ANSWER_WORDS = 12


def consents(samples: Iterable[Sample], *, of_contacts: bool = True) -> list[tuple[str, Field]]:
    """Purpose and field of each column that states consent.

    Args:
        samples: The columns to look at.
        of_contacts: Whether the rows are people rather than what they did: there a bare `Status` of `subscribed` and
            `unsubscribed` counts, too.
    """
    found = []
    for sample in samples:
        reads = direction(sample, of_contacts=of_contacts)
        if reads is not None:
            found.append((purpose(sample.name), _field(sample, reads)))
    return found


def direction(sample: Sample, *, of_contacts: bool = True) -> Reads | None:
    """Whether a column says yes to something or no to it; None when it is none of consent."""
    glued = folded(sample.name).replace(" ", "")
    glued = "".join(c for c in glued if c.isalnum())
    out, opt_in = _OUT.search(glued), _IN.search(glued)
    if (_NOT_AN_ANSWER.search(glued) and not (out or opt_in)) or (
        _NOT_AN_ANSWER.search(glued) and not _says_consent(sample)
    ):
        return None
    if out:
        return "opt_out"
    timed = bool(sample.values) and dates(sample.values).share > 0.5
    if opt_in and not timed and not (_TIME.search(glued) and not sample.values):
        # Money and numbers are no answers: `Newsletter` with 4,211 readers is another column.
        return "opt_in" if sample.empty or sample.share(_answers) >= 0.5 or sample.share(_numeric) < 0.5 else None
    if of_contacts and re.search(r"status|marketing$", glued) and _says_consent(sample):
        return "opt_in"
    return None


def purpose(name: str) -> str:
    """What the consent is for, from the column's name; `email` when it names nothing.

    A list named behind a colon is a purpose of its own: `Opted out of email: Newsletter` is about `newsletter`.
    """
    head, colon, topic = name.partition(":")
    if colon and topic.strip() and _OUT.search(re.sub(r"\W", "", folded(head))):
        return "_".join(folded(topic).split())[:64] or "email"
    word = folded(name)
    for text in (word, word.replace(" ", "")):
        for pattern, channel in _CHANNELS:
            if re.search(pattern, text):
                return channel
    return "email"


def _field(sample: Sample, reads: Reads) -> Field:
    # A column that says no by the day it was said needs no more: any day is a no.
    return Field((sample.name,), reads=reads)


def _answers(value: str) -> bool:
    return opted_in(value) is not Answer.UNREADABLE


def _numeric(value: str) -> bool:
    return value.replace(".", "").replace(",", "").isdigit() and value not in ("0", "1", "0.0", "1.0")


def _says_consent(sample: Sample) -> bool:
    """Whether the values themselves are words of consent."""
    said = re.compile(r"subscri|opt(ed)? ?(in|out)|consent|unsub|do not|abonn|inscri|suscri|iscri")
    few = len(set(sample.values)) <= _ANSWER_WORDS
    return (
        few
        and sample.share(lambda v: said.search(folded(v)) or opted_in(v) is not Answer.UNREADABLE) >= _SHARE
        and bool(sample.share(lambda v: said.search(folded(v))))
    )
