"""Traits: what is too large for a profile is left out, and told without its name unless the configuration knows it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ingest.sdk import verdict

from onefold.ingest.settings import IngestSettings
from onefold.model import Finding
from onefold.profiles import state
from onefold.profiles.settings import ProfileSettings

SETTINGS = IngestSettings(max_trait_bytes=1_000, declared_traits=frozenset({"bio", "tags"}))
HIDDEN, TOLD = Finding("trait_dropped", "/traits/*"), Finding("trait_dropped", "/traits/bio")


def event(traits, *, shape="segment"):
    body = {"type": "identify", "userId": "u", "traits": traits}
    return verdict(msgspec.json.encode(body), settings=SETTINGS).event


@pytest.mark.parametrize(
    ("traits", "kept", "findings"),
    [
        ({"bio": "x" * 2_000, "first_name": "Ann"}, {"first_name": "Ann"}, (TOLD,)),
        ({"ann@mail.example": "x" * 2_000, "bob": ["x"] * 1_000}, {}, (HIDDEN,)),
        ({"x" * 129: 1, "bio": "x"}, {"bio": "x"}, (HIDDEN,)),
        ({"bio": {"deep": [1.5] * 200}}, {}, (TOLD,)),
        ({"bio": "x" * 900, "tags": ["x"] * 200}, {"bio": "x" * 900, "tags": ["x"] * 200}, ()),
    ],
)
def test_what_is_too_large_is_left_out_and_told(traits, kept, findings):
    """Whatever its form: text, list, object, or the name itself. The rest of the event is as it was."""
    found = event(traits)
    assert found.traits == kept
    assert found.findings == findings


def test_small_events_are_not_measured():
    """A value cannot take more than three times its JSON: what is not looked at is kept."""
    traits = {"bio": [1.5] * 65}
    assert len(msgspec.json.encode({"type": "identify", "userId": "u", "traits": traits})) * 3 < 1_000
    assert event(traits).traits == traits


_SMALL = (
    st.text("aä🙂 ", max_size=120) | st.lists(st.text("a ", max_size=40), max_size=14) | st.integers() | st.booleans()
)
_NAMES = st.text("abä", min_size=1, max_size=3) | st.sampled_from(["n" * 128, "ä" * 128, "n" * 129])


def _kept(event):
    total = state.lift(event, ProfileSettings())
    groups = [set(group.traits) for of_type in total.groups.values() for group in of_type.values()]
    return set(total.once) | set().union(*groups) | set(total.cleared)


def assert_nothing_vanishes(once, of_group):
    """What is stated once, of a group or cleared is in the folded state, says nothing, or is told."""
    item = {
        "event": "x", "distinct_id": "u", "uuid": "1",
        "properties": {"$set_once": once, "$unset": ["c" * 300, "d"], "$groups": {"company": "acme"}},
    }  # fmt: skip
    found = verdict(msgspec.json.encode(item), shape="posthog").event
    group = {"type": "group", "userId": "u", "groupId": "acme", "traits": of_group, "messageId": "2"}
    of_group_found = verdict(msgspec.json.encode(group)).event
    says = {name for name, value in once.items() if value not in ([], "") and not _blank(value)}
    lost = says - _kept(found)
    assert not lost or Finding("trait_dropped", "/traits_once/*") in found.findings
    assert Finding("trait_dropped", "/cleared/*") in found.findings
    assert "d" in _kept(found)
    lost = {name for name, value in of_group.items() if not _blank(value)} - _kept(of_group_found)
    assert not lost or Finding("trait_dropped", "/groups/*") in of_group_found.findings


def _blank(value):
    return isinstance(value, str | list) and not "".join(value).strip()


@given(st.dictionaries(_NAMES, _SMALL, max_size=3), st.dictionaries(_NAMES, _SMALL, max_size=3))
def test_nothing_that_is_stated_once_or_of_a_group_vanishes(once, of_group):
    """The gate drops, and tells, what the fold has no room for."""
    assert_nothing_vanishes(once, of_group)


def test_a_limit_that_is_not_told_is_noticed(monkeypatch):
    """Negative control: without the gate's measure the fold drops a long value and nobody hears of it."""
    monkeypatch.setattr("onefold.ingest.gate.bound_beside", lambda _draft, _settings: ())
    with pytest.raises(AssertionError):
        assert_nothing_vanishes({"bio": "x" * 500}, {})


def test_an_operation_with_a_large_element_is_left_out_and_told():
    """The others of the event are carried out."""
    item = {"$distinct_id": "u", "$append": {"tags": "x" * 90, "list": "a"}, "$time": 1_767_225_600}
    found = verdict(msgspec.json.encode(item), shape="mixpanel").event
    assert [(o.field, o.value) for o in found.operations] == [("list", "a")]
    assert Finding("trait_dropped", "/operations/*") in found.findings
