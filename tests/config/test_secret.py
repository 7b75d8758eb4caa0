"""A key from the environment is 32 random bytes or an error that says how to make one."""

import base64
import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onefold.config import SecretReference, environment_key
from onefold.config.secret import parse_reference
from onefold.errors import ConfigurationError

ROOT = SecretReference(env="ROOT")


@given(st.integers(0, 2**64))
def test_random_keys_pass_in_every_writing(seed):
    """Hexadecimal, base64 and URL-safe base64, with or without padding, give the same bytes."""
    key = random.Random(seed).randbytes(32)
    for text in (
        key.hex(),
        base64.b64encode(key).decode(),
        base64.urlsafe_b64encode(key).decode(),
        base64.b64encode(key).decode().rstrip("="),
    ):
        assert environment_key(ROOT, {"ROOT": text}) == key


@pytest.mark.parametrize(
    "value",
    [
        "",
        "changeme",
        "00" * 32,
        "ab" * 32,
        base64.b64encode(b"p" * 32).decode(),
        b"correct horse battery staple xxx".hex(),
        "é" * 44,
    ],
)
def test_weak_keys_are_refused_without_being_shown(value):
    """Default, typed and regular keys never start a server; the message does not repeat them."""
    with pytest.raises(ConfigurationError) as caught:
        environment_key(ROOT, {"ROOT": value})
    assert not value or value not in str(caught.value)


def test_unset_variable_is_named():
    """The error names the variable and the command that makes a key."""
    with pytest.raises(ConfigurationError, match=r"ROOT is not set.*secrets"):
        environment_key(ROOT, {})


def test_file_references_are_relative_to_the_project(tmp_path):
    """A project can be moved as one directory."""
    assert parse_reference("file:data/root.key", tmp_path).file == (tmp_path / "data/root.key").resolve()
    assert str(parse_reference("env:A", tmp_path)) == "env:A"
    assert environment_key(ROOT, {"ROOT": os.urandom(32).hex()})
