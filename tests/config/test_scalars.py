"""Durations and sizes are read exactly or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onefold.config.scalars import duration_us, size_bytes
from onefold.errors import nearest


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("500ms", 500_000),
        ("30s", 30_000_000),
        ("30m", 1_800_000_000),
        ("12h", 43_200_000_000),
        ("2w", 1_209_600_000_000),
    ],
)
def test_durations(text, microseconds):
    """Each unit is what everybody takes it for; `m` is minutes."""
    assert duration_us(text) == microseconds


@pytest.mark.parametrize("text", ["", "90", "d", "90 d", "-1d", "1.5h", "90D", "90d\n", "9999999d", "٣d"])
def test_no_duration(text):
    """What is not written as a duration is none; nothing is guessed."""
    assert duration_us(text) is None


def test_sizes():
    """A kilobyte has 1,024 bytes."""
    assert (size_bytes("512KB"), size_bytes("4MB"), size_bytes("7B"), size_bytes("4mb")) == (
        524_288,
        4_194_304,
        7,
        None,
    )


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text):
    """No text makes the readers fail."""
    duration_us(text)
    size_bytes(text)


def test_nearest_word_only_when_near():
    """A hint that is far off would mislead."""
    assert nearest("limt", ["limit", "priority"]) == "; did you mean `limit`?"
    assert nearest("zzz", ["limit"]) == ""
