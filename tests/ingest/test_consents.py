"""Consents: what an event grants and denies."""

import pytest

from onefold.ingest.consents import said


def of(name="x", traits=None, properties=None, context=None):
    statements, unreadable = said(name, traits or {}, properties or {}, context or {})
    return {s.purpose: s.granted for s in statements}, unreadable


@pytest.mark.parametrize(
    ("arguments", "stated"),
    [
        ({}, {}),
        (
            {"context": {"consent": {"categoryPreferences": {"Ads": True, "email": False}}}},
            {"ads": True, "email": False},
        ),
        ({"traits": {"consent": {"email": "yes", "sms": "opt_out", "post": None}}}, {"email": True, "sms": False}),
        ({"properties": {"consent": {"email": 1, "sms": 0}}}, {"email": True, "sms": False}),
        ({"traits": {"consent": False}}, {"all": False}),
        ({"name": "Unsubscribed"}, {"email": False}),
        ({"name": "Unsubscribed", "properties": {"channel": "sms"}}, {"sms": False}),
        ({"name": "Email Subscribed"}, {"email": True}),
        ({"name": "Email Marked as Spam"}, {"email": False}),
        ({"name": "Consent Granted", "properties": {"purpose": "analytics"}}, {"analytics": True}),
        ({"name": "Consent Granted", "properties": {"type": ["a", "b"]}}, {"a": True, "b": True}),
        ({"name": "Consent Granted", "properties": {"purpose": "a", "granted": False}}, {"a": False}),
        ({"name": "Consent Revoked", "properties": {"purpose": "a", "granted": True}}, {"a": False}),
        ({"name": "Consent Revoked"}, {"all": False}),
        ({"name": "Consent Updated", "properties": {"consent_type": "a", "granted": "true"}}, {"a": True}),
        ({"name": "Consent Updated", "properties": {"consent": {"a": True}}}, {"a": True}),
        ({"context": {"gpc": True}}, {"ads": False}),
        ({"context": {"gpc": "1", "consent": {"categoryPreferences": {"ads": True}}}}, {"ads": False}),
        ({"context": {"gpc": False}}, {}),
        ({"traits": {"consent": {"a": True}}, "properties": {"consent": {"A ": False}}}, {"a": False}),
        ({"traits": {"consent": {"a": False}}, "properties": {"consent": {"a": True}}}, {"a": False}),
    ],
)
def test_table(arguments, stated):
    """Each place states what the table says; said twice, a denial counts."""
    assert of(**arguments) == (stated, False)


@pytest.mark.parametrize(
    ("arguments", "stated"),
    [
        ({"traits": {"consent": {"email": "perhaps"}}}, {"email": False}),
        ({"traits": {"consent": {"email": ["yes"]}}}, {"email": False}),
        ({"traits": {"consent": True}}, {}),
        ({"context": {"consent": {"categoryPreferences": {"": True}}}}, {}),
        ({"name": "Consent Granted"}, {}),
        ({"name": "Consent Updated"}, {}),
        ({"name": "Consent Updated", "properties": {"purpose": "a"}}, {"a": False}),
        ({"name": "Consent Granted", "properties": {"purpose": 5}}, {}),
    ],
)
def test_what_cannot_be_read_grants_nothing(arguments, stated):
    """It counts as no where it names a purpose, and is flagged either way."""
    assert of(**arguments) == (stated, True)
