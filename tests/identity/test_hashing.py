"""Identifiers become nodes by keyed hash, strongest first."""

import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from onefold.identity.hashing import Hasher
from onefold.identity.settings import IdentitySettings
from onefold.model import Identifier

KEY = b"k" * 32
SETTINGS = IdentitySettings()


def ids(*pairs):
    return [Identifier(kind, value) for kind, value in pairs]


@given(st.sampled_from([0, 1, 32, 63, 64, 65, 200]).flatmap(lambda n: st.binary(min_size=n, max_size=n)), st.text())
def test_node_id_is_the_documented_formula(key, value):
    """HMAC-SHA256(key, type 00 SHA-256(value)), 16 bytes: a subject known only by SHA-256 can be found."""
    value = value.encode(errors="ignore").decode()
    message = b"email\0" + hashlib.sha256(value.encode()).digest()
    expected = hmac.new(key, message, hashlib.sha256).digest()[:16]
    assert Hasher(key).node_id("email", value) == expected


def test_node_ids_are_stable():
    """Pinned: another id for a stored identifier would make strangers of everybody at the next release."""
    hasher = Hasher(KEY)
    assert hasher.node_id("email", "ann@example.org").hex() == "fb412c95f66d61805957f773ddef5a25"
    assert hasher.node_id("user_id", "Zo\u00eb").hex() == "b01fe9bfdf094620ff03634a5a2c6e8f"


def test_key_type_and_value_all_tell_nodes_apart():
    """Two workspaces, two types or two values never share a node."""
    hasher, other = Hasher(KEY), Hasher(b"o" * 32)
    nodes = [hasher.node_id("a", "x"), hasher.node_id("b", "x"), hasher.node_id("a", "y"), other.node_id("a", "x")]
    assert len(set(nodes)) == 4


def test_accepted_identifiers_come_strongest_first():
    """By priority, at equal priority in the order they were stated."""
    stated = ids(
        ("anonymous_id", "c"), ("android.id", "d2"), ("device_id", "d1"), ("email", "Ann@x.org"), ("user_id", "u")
    )
    named, refused = Hasher(KEY).name(stated, SETTINGS)
    assert [n.type for n in named] == ["user_id", "email", "android.id", "device_id", "anonymous_id"]
    assert [n.priority for n in named] == [100, 80, 40, 40, 10]
    assert named[1].value == "ann@x.org"
    assert list(refused) == []


def test_one_node_stated_twice_is_named_once():
    """Aliases and other ways of writing name the same node; the order of first statement stays."""
    stated = ids(("device_id", "a"), ("device_id", "b"), ("device_id", "a "), ("external_id", "u"), ("user_id", "u"))
    named, _ = Hasher(KEY).name(stated, SETTINGS)
    assert [(n.type, n.value) for n in named] == [("user_id", "u"), ("device_id", "a"), ("device_id", "b")]


def test_refusals_tell_type_and_reason_but_no_text_from_outside():
    """A declared type is named; a type that came with the event is not, for it may hold anything."""
    stated = ids(("email", "nobody"), ("user_id", "null"), ("ann@example.org", "-1"), ("x" * 65, "1"), ("a\nb", "1"))
    named, refused = Hasher(KEY).name(stated, SETTINGS)
    assert named == ()
    assert [(f.where, f.code) for f in refused] == [
        ("email", "email_invalid"),
        ("user_id", "identifier_blocked"),
        ("undeclared", "identifier_blocked"),
        ("undeclared", "identifier_too_long"),
        ("undeclared", "identifier_blocked"),
    ]


def test_other_settings_are_not_answered_from_memory():
    """What was worked out under one configuration says nothing under another."""
    hasher = Hasher(KEY)
    strict = IdentitySettings(blocked_values=frozenset({"u1"}))
    stated = ids(("user_id", "u1"))
    assert len(hasher.name(stated, SETTINGS)[0]) == 1
    assert hasher.name(stated, strict)[0] == ()
    assert len(hasher.name(stated, SETTINGS)[0]) == 1


@given(
    st.lists(
        st.tuples(st.sampled_from(["user_id", "email", "x"]), st.sampled_from(["1", "null", "a@b.org"])), max_size=9
    )
)
def test_memory_changes_no_answer_and_stays_small(pairs):
    """With room for two or for thousands, warm or cold, the names are the same."""
    tiny, roomy = Hasher(KEY, capacity=2), Hasher(KEY)
    for pair in pairs:
        assert (
            tiny.name(ids(pair), SETTINGS) == roomy.name(ids(pair), SETTINGS) == Hasher(KEY).name(ids(pair), SETTINGS)
        )
    assert len(tiny._memory.young) + len(tiny._memory.old) <= 2


def test_reprs_hold_no_personal_data_and_no_key():
    """What a log line would show names types and nodes only."""
    hasher = Hasher(KEY)
    named, _ = hasher.name(ids(("email", "ann@example.org")), SETTINGS)
    shown = repr(hasher) + repr(named)
    assert "ann" not in shown
    assert "kkk" not in shown
