"""Traits: what is too large for a profile is left out, and told without its name unless the configuration knows it."""

import msgspec
import pytest
from tests.ingest.sdk import verdict

from onefold.ingest.settings import IngestSettings
from onefold.model import Finding

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
