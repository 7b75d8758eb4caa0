"""Bad input: each lands where it belongs, with a reason of the closed list and without a value in its detail."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cost import units
from tests.ingest.sdk import RECEIVED, verdict

from onefold.ingest import payload
from onefold.ingest.gate import Gate
from onefold.ingest.reasons import REASONS, rejected, suppressed
from onefold.ingest.settings import IngestSettings
from onefold.model import Accepted, Finding, LogEntry, Rejected

SECRET = "s3cret"
GOOD = {"type": "track", "event": "x", "userId": "u", "messageId": "m"}


def raw(field):
    """A good item with one more field, as bytes."""
    return b'{"type":"track","event":"x","userId":"u",' + field + b"}"


def with_(**fields):
    return json.dumps({**GOOD, **fields}).encode()


def nested(depth):
    return raw(b'"properties":' + b'{"a":' * (depth - 1) + b"1" + b"}" * (depth - 1))


CORPUS = [
    (b"", "empty", ""),
    (b"{", "malformed_json", "truncated"),
    (b'{"a":1,}', "malformed_json", "byte 7"),
    (b"[]", "not_an_object", ""),
    (b"5", "not_an_object", ""),
    (raw(b'"a":NaN'), "not_a_number", ""),
    (raw(b'"a":-Infinity'), "not_a_number", ""),
    (raw(b'"a":' + b"9" * 9000), "string_too_long", "/a"),
    (raw(b'"a":"\xff"'), "bad_utf8", ""),
    (raw(b'"a":"\xed\xa0\x80\xff"'), "bad_utf8", ""),
    (raw(b'"properties":{"\\ud800":1,"\\ud800":2}'), "duplicate_key", "/properties/*"),
    (raw(b'"properties":{"a":1,"a":2}'), "duplicate_key", "/properties/a"),
    (raw(b'"a":1,"\\u0061":2'), "duplicate_key", "/a"),
    (raw(b'"a":1,"a" :2'), "duplicate_key", "/a"),
    (raw(b'"a":1,"a"\n:2'), "duplicate_key", "/a"),
    (raw(b'"a":1,"a" \t :2'), "duplicate_key", "/a"),
    (raw(b'"a":":","userId":"v"'), "duplicate_key", "/userId"),
    (nested(33), "too_deep", ""),
    (nested(10_000), "too_deep", ""),
    (raw(b'"a":' + b"[" * 10_000 + b"]" * 10_000), "too_deep", ""),
    (raw(b'"a":"' + b"x" * 600_000 + b'"'), "too_large", "bytes"),
    (raw(b'"properties":{"a":"' + b"x" * 8_193 + b'"}'), "string_too_long", "/properties/a"),
    (raw(b'"properties":{"' + b"x" * 8_193 + b'":1}'), "string_too_long", "/properties"),
    (with_(properties={f"k{i}": i for i in range(1_001)}), "too_many_keys", "/properties"),
    (with_(identifiers=[{"type": "t", "value": i} for i in range(100)]), "too_many_identifiers", ""),
    (with_(messageId="m" * 256), "message_id_too_long", ""),
    (with_(userId={"a": 1}), "wrong_type", "/userId"),
    (with_(userId=True), "wrong_type", "/userId"),
    (with_(anonymousId=["a"]), "wrong_type", "/anonymousId"),
    (with_(type="alias", previousId={}), "wrong_type", "/previousId"),
    (with_(event=5), "wrong_type", "/event"),
    (with_(type=5), "wrong_type", "/type"),
    (with_(messageId={"a": 1}), "wrong_type", "/messageId"),
    (with_(properties=[1]), "wrong_type", "/properties"),
    (with_(traits="x"), "wrong_type", "/traits"),
    (with_(context=1), "wrong_type", "/context"),
    (with_(context={"traits": "x"}), "wrong_type", "/context/traits"),
    (with_(context={"externalIds": {"id": 1}}), "wrong_type", "/context/externalIds"),
    (with_(context={"externalIds": [5]}), "wrong_type", "/context/externalIds/0"),
    (with_(identifiers={"a": 1}), "wrong_type", "/identifiers"),
    (with_(identifiers=[5]), "wrong_type", "/identifiers/0"),
    (with_(identifiers=[{"type": "a b", "value": "x"}]), "wrong_type", "/identifiers/0/type"),
    (with_(identifiers=[{"type": "a", "value": []}]), "wrong_type", "/identifiers/0/value"),
    (with_(type="buy"), "unknown_type", ""),
    (with_(type=None), "unknown_type", "route"),
    (with_(event=None), "no_event_name", ""),
    (with_(event="  "), "no_event_name", ""),
    (with_(userId=None), "no_identifier", ""),
    (with_(userId=""), "no_identifier", ""),
]


@pytest.mark.parametrize(("body", "reason", "detail"), CORPUS, ids=[f"{r}-{i}" for i, (_, r, _) in enumerate(CORPUS)])
def test_rejections(body, reason, detail):
    """Each fault has its reason, and its detail says where."""
    said = verdict(body)
    assert isinstance(said, Rejected)
    assert (said.reason, detail in said.detail) == (reason, True), said
    assert reason in REASONS


@pytest.mark.parametrize(
    "body",
    [
        nested(32),
        raw(b'"properties":{"a":"' + b"x" * 8_192 + b'"}'),
        raw(b'"properties":{"a":"' + "ü".encode() * 8_192 + b'"}'),
        with_(properties={f"k{i}": i for i in range(1_000)}),
        with_(identifiers=[{"type": "t", "value": i} for i in range(99)]),
        with_(messageId="m" * 255),
        raw(b'"properties":{"n":9223372036854775807,"m":-9223372036854775808}'),
        raw(b'"properties":{"a":"\\":","b":":)","c":" : "}'),
        raw(b'"properties" : { "a" : {"a":1}, "b" : [{"a":1},{"a":2}] }'),
        with_(type=" Track "),
        with_(timestamp="yesterday"),
    ],
)
def test_what_is_just_allowed(body):
    """The limits are exact, equal keys of different objects are no duplicates, and a bad time rejects nothing."""
    assert isinstance(verdict(body), Accepted)


def test_large_events_are_flagged():
    """Beyond what Segment takes, an event is kept and says so."""
    body = with_(properties={f"k{i}": "x" * 5_000 for i in range(8)})
    assert verdict(body).event.findings == (Finding("large"),)


def test_details_hold_no_values():
    """A dead letter's detail can be logged: neither values nor keys that could be anybody's."""
    for field in (b'"ann@mail.example":1,"ann@mail.example":2', b'"0049 171 5551234":{"a":1,"a":2}'):
        said = verdict(raw(field))
        assert isinstance(said, Rejected)
        assert "/*" in said.detail
        assert "ann" not in said.detail
        assert "171" not in said.detail
    for body in (with_(userId=[SECRET]), with_(traits=SECRET), raw(b'"a":"' + SECRET.encode() + b'\xff"')):
        assert SECRET not in verdict(body).detail


def test_duplicate_keys_need_the_second_pass(monkeypatch):
    """The negative control: the parser alone keeps the last of two keys and says nothing."""
    body = raw(b'"properties":{"a":1,"a":2}')
    assert verdict(body).reason == "duplicate_key"
    monkeypatch.setattr(payload, "_with_single_keys", lambda item, _: item)
    assert verdict(body).event.properties == {"a": 2}


def test_nothing_poisonous_takes_long():
    """No entry stalls the pipeline: all of the corpus are judged within some 100 ms of processor time."""
    wide = raw(b'"a":[' + b"1," * 250_000 + b"NaN]")
    huge = raw(b'"a":"' + b"x" * 10_000_000 + b'"')
    gate = Gate(IngestSettings())
    for bodies, limit in (([*(body for body, _, _ in CORPUS), huge], 2), ([wide], 12)):
        found = [LogEntry("segment", "web", RECEIVED, 0, body) for body in bodies]
        assert all(isinstance(gate.check(entry), Rejected) for entry in found)
        assert units(lambda found=found: [gate.check(entry) for entry in found]) < limit


def test_unreadable_entries():
    """What the edge or a file reader could not read keeps its reason; what can be read after all is judged."""
    row = json.dumps({"reason": "bad_quotes", "detail": "a quotation mark is not closed", "context": {}}).encode()
    assert verdict(b'x,"y', shape="unreadable", shared=row) == Rejected("bad_quotes", "a quotation mark is not closed")
    assert verdict(b"x", shape="unreadable", shared=b'{"reason":"of a later version"}').reason == "malformed_row"
    assert verdict(b"\x1f\x8bzz", shape="unreadable").reason == "bad_compression"
    assert verdict(b"{" * 600_000, shape="unreadable").reason == "malformed_json"
    assert verdict(b"hello", shape="unreadable").reason == "malformed_json"
    assert verdict(b"", shape="unreadable").reason == "empty"
    assert isinstance(verdict(with_(), shape="unreadable"), Accepted)


def test_bad_request_part():
    """A context of the whole request that breaks a limit rejects its items, and says where."""
    said = verdict(with_(), shared=b'{"context":{"a":1,"a":2}}')
    assert (said.reason, said.detail) == ("duplicate_key", "In the request's own part: /context/a is stated twice.")


@pytest.mark.parametrize("shape", ["judgement", "scores"])
def test_what_is_said_of_the_graph_is_not_for_this_gate(shape):
    """It is read elsewhere; to ask here is a mistake in the program."""
    with pytest.raises(ValueError, match="identity graph"):
        verdict(b"{}", shape=shape)


def test_reasons_are_a_closed_list():
    """A reason outside the list would escape into metric labels."""
    with pytest.raises(KeyError):
        rejected("because")
    with pytest.raises(KeyError):
        suppressed("because")
    assert all(sentence.endswith(".") for sentence in REASONS.values())


REPAIRED = [
    (raw(b'"properties":{"a":"x \\ud83d"}'), {"a": "x \ufffd"}, [Finding("text_damaged", "/properties/a")]),
    (raw(b'"properties":{"a":"\xed\xa0\xbd\xed\xb8\x80"}'), {"a": "\U0001f600"}, []),
    (raw(b'"properties":{"a":"\xed\xb8\x80"}'), {"a": "\ufffd"}, [Finding("text_damaged", "/properties/a")]),
    (raw(b'"properties":{"a":"\\ud83d\\ude00"}'), {"a": "\U0001f600"}, []),
    (
        raw(b'"properties":{"n":[1,9223372036854775808]}'),
        {"n": [1, "9223372036854775808"]},
        [Finding("number_as_text", "/properties/n/1")],
    ),
    (raw(b'"properties":{"n":-1e999}'), {"n": "-1e999"}, [Finding("number_as_text", "/properties/n")]),
    (
        raw(b'"properties":{"n":' + b"9" * 7000 + b"}"),
        {"n": "9" * 7000},
        [Finding("number_as_text", "/properties/n")],
    ),
]


@pytest.mark.parametrize(("body", "properties", "findings"), REPAIRED, ids=range(len(REPAIRED)))
def test_repairs(body, properties, findings):
    """What no store of ours holds is put into a form that says the same, and told where that is not all of it."""
    said = verdict(body)
    assert isinstance(said, Accepted), said
    assert said.event.properties == properties
    assert list(said.event.findings) == findings


halves = st.text(st.characters(codec=None, categories=("Lu", "Nd", "So", "Cs")), max_size=6)


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), halves | st.integers(-(10**30), 10**30), max_size=3))
def test_a_repair_changes_nothing_but_what_it_tells(properties):
    """Whatever texts and numbers, each property is what was sent, or has a finding."""
    said = verdict(json.dumps(GOOD | {"properties": properties}).encode())
    assert isinstance(said, Accepted), said
    told = {finding.where for finding in said.event.findings}
    # Two halves side by side are one character.
    sent = {k: v.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(v, str) else v
            for k, v in properties.items()}  # fmt: skip
    for key, value in said.event.properties.items():
        if f"/properties/{key}" in told:
            assert "\ufffd" in value or value == str(properties[key])
        else:
            assert (type(value), value) == (type(sent[key]), sent[key])


def test_an_item_without_id_is_known_again_by_its_bytes():
    """Sent again to the byte it is the same event; elsewhere in a request, or sent at another time, it is another."""
    body = json.dumps({"type": "track", "event": "x", "userId": "u"}).encode()
    first = verdict(body, sent_at="2026-01-01T00:00:05Z").event.id
    assert verdict(body, sent_at="2026-01-01T00:00:05Z").event.id == first
    assert len({first, verdict(body, index=1, sent_at="2026-01-01T00:00:05Z").event.id,
                verdict(body, sent_at="2026-01-01T00:00:06Z").event.id, verdict(body).event.id,
                verdict(body, shared=b'{"type":"page"}', sent_at="2026-01-01T00:00:05Z").event.id}) == 5  # fmt: skip
