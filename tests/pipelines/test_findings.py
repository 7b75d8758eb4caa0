"""A finding follows its event: counted per source, folded into the profile, shown, and found anew when a rule changes."""

from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import workbench
from tests.plain import balances, profiles

from onefold.cli import findings as shown
from onefold.errors import UsageError
from onefold.identity.identifiers import Refusal
from onefold.identity.settings import IdentitySettings
from onefold.ingest.findings import FINDINGS, STATED_MAX, finding
from onefold.ingest.gate import check
from onefold.ingest.settings import IngestSettings
from onefold.model import Identifier, LogEntry
from onefold.pipelines.maintenance import rebuild
from onefold.pipelines.reading import tail
from onefold.pipelines.stream import process


def test_every_refusal_is_in_the_closed_list():
    """The stages may not import each other, so the codes that identity gives are held to the list here."""
    assert set(get_args(Refusal)) <= FINDINGS.keys()
    assert all(code.isascii() and code.replace("_", "").isalnum() and code.islower() for code in FINDINGS)


def account(context, source="web"):
    return next(a for a in balances.sources(context) if a["source"] == source)


def test_a_refused_identifier_is_a_finding_wherever_the_event_is_shown():
    """The event has a good identifier besides, so it is stored: the refusal is told by every way of looking."""
    context = workbench.context()
    body = {"type": "identify", "userId": "ann", "traits": {"email": "ann at home"}, "messageId": "1"}
    context.log.append([workbench.entry(body), workbench.entry(body)])
    process.drain(context)
    found = account(context)
    assert (found["stored"], found["duplicate"], found["balanced"]) == (1, 1, True)
    assert found["findings"] == {"email_invalid": 1}  # a repeat is not counted again
    ann = Identifier("user_id", "ann")
    assert profiles.profile(context, ann)["findings"]["email_invalid"]["count"] == 1
    assert profiles.timeline(context, ann)["events"][0]["findings"] == [{"code": "email_invalid", "where": "email"}]
    seen = tail.after(context, {}, 10)
    assert [s.findings for s in seen] == [("email_invalid email",)] * 2
    assert [tail.Wanted(finding=code).passes(seen[0]) for code in ("email_invalid", "email", "large")] == [
        True,
        False,
        False,
    ]


STATED = {
    "email": ["ann@mail.example", "nobody", "null", "a@b"],
    "phone": ["+12025550143", "n/a", "12"],
    "user_id": ["u1", "u2", "undefined", "-1"],
    "anonymous_id": ["c1", "c2", "", "\u200b"],
}
statements = st.fixed_dictionaries({}, optional={kind: st.sampled_from(values) for kind, values in STATED.items()})


@given(st.lists(statements, min_size=1, max_size=5))
@settings(max_examples=100)
def test_no_refused_identifier_of_any_event_goes_unsaid(rows):
    """A refusal stands in the event's findings, in the counts of its source, or in the detail of its dead letter."""
    context = workbench.context()
    context.log.append(
        [
            workbench.entry(
                {"type": "track", "event": "x", "messageId": f"{n}"}
                | {"identifiers": [{"type": kind, "value": value} for kind, value in stated.items()]}
            )
            for n, stated in enumerate(rows)
        ]
    )
    process.drain(context)
    counted: dict[str, int] = {}
    for stated, sight in zip(rows, tail.after(context, {}, 10), strict=True):
        stated_values = [Identifier(k, v) for k, v in stated.items() if v.strip()]
        _, refused = context.hasher.name(stated_values, context.identity)
        named = {f"{n.type}" for n in context.hasher.name(stated_values, context.identity)[0]}
        assert {f.where for f in refused} == {i.type for i in stated_values} - named
        if sight.verdict == "stored":
            assert {f"{f.code} {f.where}" for f in refused} <= set(sight.findings)
            for code in {found.split()[0] for found in sight.findings}:
                counted[code] = counted.get(code, 0) + 1
        else:
            assert all(f"{f.where} {f.code}" in sight.detail for f in refused)
    assert account(context)["findings"] == counted


def test_findings_are_found_anew_when_a_rule_changes():
    """They are a function of entry and settings: rebuilt under another rule, counts and profiles follow it."""
    context = workbench.context(identity=IdentitySettings(default_region=None))
    context.log.append([workbench.entry({"type": "identify", "userId": "ann", "traits": {"phone": "202-555-0143"}})])
    process.drain(context)
    assert account(context)["findings"] == {"phone_invalid": 1}
    fresh = workbench.context(log=context.log, identity=IdentitySettings(default_region="US"))
    rebuild.verify(context, fresh.store)
    process.drain(fresh)
    assert account(fresh)["findings"] == {"phone_invalid": 1}, "under the old rule it is the same"
    again = workbench.context(log=context.log, identity=IdentitySettings(default_region="US"))
    process.drain(again)
    assert account(again)["findings"] == {}
    assert profiles.profile(again, Identifier("user_id", "ann"))["findings"] == {}


def row(findings, shape="record"):
    body = msgspec.json.encode({"type": "record", "userId": "ann", "findings": findings})
    return check(LogEntry(shape, "crm", workbench.NOW_US, 0, body), IngestSettings()).event.findings


def test_a_row_brings_the_findings_of_its_reader():
    """Known codes are taken over, in order and once; everything else is dropped, as is all of it from outside."""
    good = [{"code": "large", "where": "Column A"}, {"code": "bad_timestamp", "where": ""}]
    assert row([*good, *good]) == (finding("large", "Column A"), finding("bad_timestamp"))
    assert row([{"code": "no_such"}, {"code": "large", "where": "x" * 201}, {"code": "large", "where": "a\nb"}, 7]) == (
        finding("large"),
    )
    assert row([{"code": "large", "where": 1}, {"code": ["large"]}, {"where": "x"}, None]) == ()
    assert row("large") == row({"code": "large"}) == ()
    assert len(row([{"code": "large", "where": str(n)} for n in range(500)])) == STATED_MAX + 1
    assert row(good, shape="segment") == ()


json_values = st.recursive(
    st.none() | st.integers(-9, 9) | st.text(max_size=5) | st.sampled_from([*FINDINGS]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["code", "where", "x"]), inner, max_size=3)
    ),
    max_leaves=9,
)


@given(json_values)
@settings(max_examples=100)
def test_nothing_a_row_says_breaks_the_gate_or_leaves_the_closed_list(stated):
    """Whatever stands there, only known codes come out of it."""
    assert all(found.code in FINDINGS and found.where.isprintable() for found in row(stated))


def test_a_misspelt_code_is_an_error_that_names_the_nearest():
    """Else a search would show nothing and seem to say that all is well."""
    assert shown.code("email_invalid") == "email_invalid"
    assert shown.code("") == ""
    with pytest.raises(UsageError, match="Did you mean email_invalid"):
        shown.code("invalid_email")
