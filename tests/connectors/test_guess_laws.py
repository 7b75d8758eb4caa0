"""Laws of the guess: no refusal is lost, no value is silently wrong, whatever a file looks like."""

import datetime as dt
import re
import string
from decimal import Decimal

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from onefold.connectors.sources import guess
from onefold.connectors.sources.consent_words import Answer, opted_in, opted_out
from onefold.connectors.sources.language import Mapping
from onefold.connectors.sources.occurrences import Occurrences
from onefold.connectors.sources.plan import Plan

OPT_OUTS = (
    "Do Not Email", "HasOptedOutOfEmail", "email_disabled", "Unsubscribed from all email", "Email Opt-Out", "UNSUB_TIME",
    "No Bulk Emails (User Opt Out)", "emailstop", "Opt Out", "DO_NOT_EMAIL", "email opted out", "Newsletter abgemeldet",
    "Désabonné des e-mails",
)  # fmt: skip
OPT_INS = (
    "Newsletter", "Email Opt In", "Accepts Email Marketing", "Email Marketing: Status", "Subscribed", "email_consent",
    "E-Mail-Einwilligung", "Newsletter abonniert", "Accepte les e-mails", "Nieuwsbrief", "OptIn",
)  # fmt: skip
YES = ("Yes", "y", "TRUE", "t", "1", "x", "Ja", "oui", "Sí", "on", "✓")
REFUSALS = ("No", "n", "FALSE", "f", "0", "Nein", "non", "off")
WORDS_OF_REFUSAL = (
    "unsubscribed", "Opted out", "opted_out", "OPT-OUT", "STOP", "never", "cleaned", "Bounced", "do not email", "revoked",
    "Withdrawn", "denied", "declined", "refused", "not subscribed", "removed", "suppressed", "Complained", "abgemeldet",
    "désabonné", "baja", "uitgeschreven", "no longer interested", "blocked", "spam",
)  # fmt: skip
GRANTS = (
    "Weekly",
    "monthly digest",
    "opted_in",
    "Opted in",
    "subscribed",
    "accepted",
    "confirmed",
    "abonniert",
    "Active",
)
UNKNOWN = ("unknown", "pending", "not asked", "N/A", "-", "not set", "NEVER_SUBSCRIBED", "unbekannt", "Unconfirmed")


class _NoDates:
    def column(self, name, line):
        from onefold.connectors.sources.casts import NO_COLUMN

        return NO_COLUMN


def events(mapping: Mapping, header, rows):
    """What rows state under a mapping; rows that were refused are None."""
    plan = Plan(mapping, header, "", occurrences=Occurrences(), dates=_NoDates(), find=lambda *_: None)
    decode = msgspec.json.Decoder(float_hook=Decimal).decode
    return [decode(b) if isinstance(b, bytes) else None for row in rows for b in plan.build(row, 1)]


def said(column, word):
    """What a file of one person says of the purpose that its one consent column is about."""
    header, rows = ("Email", column), [["ann@one.test", word]]
    (event,) = events(guess.guess(header, rows).mapping, header, rows)
    answers = event["context"].get("consent", {}).get("categoryPreferences", {})
    return next(iter(answers.values()), None)


@pytest.mark.parametrize("column", OPT_OUTS)
def test_a_refusal_in_a_column_of_refusals_is_never_lost(column):
    """Whatever the word for yes, the word of refusal, or the day it was said."""
    for word in (*YES, *WORDS_OF_REFUSAL, "2021-03-04", "Requested by phone 3/4"):
        assert said(column, word) is False, word
    for word in (*REFUSALS, *UNKNOWN, ""):
        assert said(column, word) is None, word  # who did not refuse has not agreed


@pytest.mark.parametrize("column", OPT_INS)
def test_a_refusal_in_a_column_of_consent_is_never_lost(column):
    """Yes is yes, no is no, unknown is unknown, and nothing else is a yes."""
    for word in (*REFUSALS, *WORDS_OF_REFUSAL):
        assert said(column, word) is False, word
    for word in (*YES, *GRANTS):
        assert said(column, word) is True, word
    for word in (*UNKNOWN, ""):
        assert said(column, word) is None, word


@given(st.text(string.printable + "äéßñ你", max_size=30))
def test_no_word_in_a_column_of_refusals_grants(word):
    """And one that says nothing we know counts as a no."""
    assert opted_out(word) is not Answer.YES


@given(st.sampled_from(WORDS_OF_REFUSAL), st.text(string.ascii_letters + " ", max_size=10), st.booleans())
def test_a_word_of_refusal_among_others_is_no_yes(word, more, first):
    """`unsubscribed (web)` refuses as `unsubscribed` does."""
    assert opted_in(f"{more} {word}" if first else f"{word} {more}") is not Answer.YES


def test_the_wrong_direction_loses_a_refusal():
    """The control: read as an opt-in, a column of refusals turns `true` into a yes."""
    assert opted_in("true") is Answer.YES
    assert opted_out("true") is Answer.NO


HEADERS = {
    "english": (
        "Donor ID",
        "First Name",
        "Last Name",
        "Email",
        "Birth Date",
        "Gift Date",
        "Gift Amount",
        "Receipt Number",
        "Email Opt In",
    ),
    "api": (
        "donor_id",
        "first_name",
        "last_name",
        "email",
        "birthdate",
        "donation_date",
        "amount",
        "transaction_id",
        "email_opt_in",
    ),
    "german": (
        "Spendernummer",
        "Vorname",
        "Nachname",
        "E-Mail-Adresse",
        "Geburtsdatum",
        "Spendendatum",
        "Betrag",
        "Quittungsnummer",
        "Newsletter",
    ),
    "french": (
        "Numéro donateur",
        "Prénom",
        "Nom",
        "Courriel",
        "Date de naissance",
        "Date du don",
        "Montant",
        "Numéro de transaction",
        "Infolettre",
    ),
    "shouting": (
        "DONOR ID",
        "DONOR FIRST NAME",
        "DONOR LAST NAME",
        "DONOR EMAIL ADDRESS",
        "DATE OF BIRTH",
        "DONATION DATE",
        "DONATION AMOUNT",
        "TRANSACTION NUMBER",
        "NEWSLETTER",
    ),
}
DATES = ("%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d %b %Y", "%b %d, %Y", "%Y/%m/%d", "%d-%b-%Y")
JUNK = ("", "N/A", "unknown", "#REF!", "ANON", "0/0/00", "see note", "-", "n.n.", "?", "1971")


def money(amount, style):
    whole, cents = f"{amount:.2f}".split(".")
    grouped = re.sub(r"(?<=\d)(?=(\d{3})+$)", "." if style == "comma" else ",", whole)
    return {"plain": f"{whole}.{cents}", "dollar": f"${grouped}.{cents}", "comma": f"{grouped},{cents} €"}[style]


people = st.lists(
    st.tuples(
        st.dates(dt.date(1930, 1, 1), dt.date(2005, 12, 31)),
        st.dates(dt.date(2015, 1, 1), dt.date(2025, 12, 31)),
        st.decimals("0.01", "99999.99", places=2),
        st.sampled_from(["yes", "no", "unknown", ""]),
        st.sampled_from([(), (), (), (), ("email",), ("birth",), ("amount",), ("when",), ("consent",)]),
        st.sampled_from(JUNK),
    ),
    min_size=8,
    max_size=25,
)


@settings(max_examples=30, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(people, st.sampled_from(sorted(HEADERS)), st.sampled_from(DATES), st.sampled_from(["plain", "dollar", "comma"]))
def test_no_value_is_silently_wrong(people, language, form, style):
    """A value is the true one, or is not there; what is not there for its form is a finding, a dead letter or a doubt."""
    header = HEADERS[language]
    # One person whose days tell day and month apart, as files of any size have.
    people = [(dt.date(1948, 3, 25), dt.date(2024, 4, 17), Decimal("25.50"), "yes", (), ""), *people]
    rows = []
    for number, (birth, when, amount, consent, broken, junk) in enumerate(people):
        row = {
            "id": f"{number:05}",
            "first": "Ann",
            "last": "Lee",
            "email": f"p{number}@one.test",
            "birth": birth.strftime(form),
            "when": when.strftime(form),
            "amount": money(amount, style),
            "receipt": f"R{number}",
            "consent": consent,
        }
        for name in broken:
            row[name] = junk if name == "birth" or junk != "1971" else "?"  # of an amount 1971 would be one
        rows.append(list(row.values()))
    found = guess.guess(header, rows)
    if found.doubts:
        return  # nothing is loaded without being asked
    assert len(found.mapping.stated) == 1
    for row, event, (birth, when, amount, consent, broken, junk) in zip(
        rows, events(found.mapping, header, rows), people, strict=True
    ):
        if event is None:
            assert "amount" in broken
            continue
        unread = {finding["where"] for finding in event.get("findings", ())}
        emails = {i["value"] for i in event["identifiers"] if i["type"] == "email"}
        assert emails <= {row[3]}
        assert {i["value"] for i in event["identifiers"] if i["type"].endswith("_id")} <= {row[0]}
        born = event["traits"].get("birthday")
        assert born in (None, birth.isoformat())
        if event.get("event"):
            assert event["event"] == "Donation Completed"
            assert Decimal(str(event["properties"].get("amount", amount))) == amount
            stamp = event.get("timestamp")
            assert (
                (stamp[:10] == when.isoformat())
                if isinstance(stamp, str) and header[5] not in unread
                else "when" in broken
            )
        if (
            junk
            and "birth" in broken
            and born is None
            and any(f.columns == (header[4],) for f in found.mapping.fields())
        ):
            assert header[4] in unread or not junk
        answers = event["context"].get("consent", {}).get("categoryPreferences", {})
        true = {"yes": True, "no": False}.get(consent)
        stated = answers.get("email")
        assert stated in ((true, None) if "consent" not in broken else (False, None)), (consent, broken, junk)
