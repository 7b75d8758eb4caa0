"""Rows on a terminal: they fit its width, and no value acts on it."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from onefold.cli import rows


def shown(columns, body, width=80):
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False, markup=False, soft_wrap=True)
    rows.show(console, columns, body)
    return out.getvalue()


@given(
    st.integers(1, 30).flatmap(
        lambda n: st.lists(
            st.lists(st.none() | st.text(max_size=80) | st.integers(), min_size=n, max_size=n), max_size=3
        )
    ),
    st.sampled_from([40, 80, 120]),
)
def test_no_line_is_wider_than_the_terminal(body, width):
    """However many columns there are, and whatever is in them."""
    columns = [f"column_{n}" for n in range(len(body[0]) if body else 1)]
    lines = shown(columns, body, width).splitlines()
    assert max(map(cell_len, lines)) <= width


def test_what_does_not_fit_is_shown_row_by_row():
    """Twenty columns are no table on 80 characters: each value has a line of its own, whole."""
    columns = [f"column_{n}" for n in range(20)]
    text = shown(columns, [[f"value {n}" for n in range(20)]])
    assert all(f"column_{n}  value {n}" in " ".join(line.split(" ")) for n, line in enumerate(text.splitlines()[1:]))
    assert "…" not in text


@pytest.mark.parametrize("hostile", ["\x1b[31mred", "\x1b]0;title\x07", "a\nb", "a\u202eb", "[bold]x[/bold]"])
def test_no_value_acts_on_the_terminal(hostile):
    """Escapes, line breaks and marks of direction are written out; markup is text."""
    text = shown([hostile], [[hostile]])
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert text.count("\n") == shown(["x"], [["x"]]).count("\n")
    if hostile.startswith("[bold]"):
        assert hostile in text


def test_null_is_no_text():
    """A null is dimmed on a terminal; a text that says null is not."""
    out = io.StringIO()
    rows.show(Console(file=out, force_terminal=True, width=40, color_system="standard"), ["a", "b"], [[None, "null"]])
    assert "\x1b[2mnull" in out.getvalue()
    assert out.getvalue().count("\x1b[2m") == 1
