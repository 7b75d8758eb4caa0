"""Charts: specifications that say what the figures say, and files that stand alone."""

import json
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onefold import charts
from onefold.errors import ConfigurationError, UsageError

CELLS = [charts.GridCell(r, fm, r * fm, ("Loyal", "New")) for r in range(1, 6) for fm in range(1, 6)]
SIZES = [charts.SizeAt(f"2026-0{month}-01", name, month * 10) for month in (1, 2, 3) for name in ("New", "Lost")]


@given(
    st.lists(st.integers(-(10**8), 10**8).map(lambda cents: cents / 100) | st.integers(0, 5), max_size=60),
    st.integers(1, 40),
)
def test_every_value_is_in_one_bin(values, most):
    """Bins lie side by side, are of one width, no more than were asked for, and hold everybody."""
    bins = charts.binned(values, most)
    assert sum(one.people for one in bins) == len(values)
    assert len(bins) <= most
    assert all(before.high == after.low for before, after in pairwise(bins))
    if values:
        width = bins[0].high - bins[0].low
        assert bins[0].low <= min(values) + width * 1e-6
        assert max(values) <= bins[-1].high + width * 1e-6


def test_figures_stand_in_the_specification():
    """Nothing is left out, segments have the order that was asked for, and a single moment is bars."""
    over_time = charts.segment_sizes("Givers", SIZES, ("New", "Nobody"))
    assert [row["people"] for row in over_time["data"]["values"]] == [size.people for size in SIZES]
    assert over_time["mark"]["type"] == "area"
    assert over_time["encoding"]["color"]["scale"]["domain"] == ["New", "Lost"]
    one = charts.segment_sizes("Givers", SIZES[:2])
    assert one["layer"][0]["mark"]["type"] == "bar"
    grid = charts.rfm_grid("Givers", CELLS)
    assert {(row["r"], row["fm"]): row["people"] for row in grid["data"]["values"]}[5, 4] == 20
    assert {row["segments"] for row in grid["data"]["values"]} == {"Loyal, New"}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("suffix", charts.SUFFIXES)
def test_a_file_stands_alone(tmp_path, suffix, dark):
    """Whoever opens it is told the figures and asks no other host; a name in the data is data, not markup."""
    cells = [*CELLS[:-1], charts.GridCell(5, 5, 1234, ("</script><script src='https://evil.test/x.js'>",))]
    file = tmp_path / f"grid{suffix}"
    charts.write(charts.rfm_grid("Givers & friends", cells, dark=dark), file)
    data = file.read_bytes()
    if suffix == ".png":
        assert data.startswith(b"\x89PNG")
        return
    text = data.decode()
    assert "Givers" in text
    assert "1234" in text.replace(",", "")
    if suffix == ".json":
        assert json.loads(text)["background"] == ("#10151c" if dark else "#ffffff")
        return
    fetched = re.findall(r"<(?:script|link|img|image|iframe)\b[^>]*\b(?:src|href)=[\"']?(?:https?:)?//[^\s>]+", text)
    assert fetched == []
    assert suffix != ".html" or "default-src 'none'" in text


def test_a_name_that_is_no_chart_is_refused(tmp_path):
    """The endings there are, are told."""
    with pytest.raises(UsageError, match=r"\*\.html, \*\.svg"):
        charts.write({}, tmp_path / "grid.gif")


def test_without_the_extra_it_says_what_to_install(tmp_path, monkeypatch):
    """The specification needs none."""
    monkeypatch.setattr("onefold.charts.rendering.find_spec", lambda _: None)
    charts.write({}, tmp_path / "grid.json")
    with pytest.raises(ConfigurationError, match=r"onefold\[charts\]"):
        charts.write({}, tmp_path / "grid.svg")


def test_a_waterfall_ends_where_its_steps_lead():
    """Each bar begins where the one before ended, and the last is their sum; what speaks against has its colour."""
    steps = [
        charts.Weight("", "share", -4.0, -4.0),
        charts.Weight("email", "equal", 7.5, 3.5),
        charts.Weight("birth_date", "different", -5.0, -1.5),
    ]
    rows = charts.waterfall("Why", steps)["data"]["values"]
    assert [row["from"] for row in rows[1:-1]] == [row["to"] for row in rows[:-2]]
    assert (rows[-1]["from"], rows[-1]["to"]) == (0, sum(step.weight for step in steps))
    assert [row["speaks"] for row in rows] == ["begins", "for", "against", "begins"]


def test_a_threshold_curve_has_every_point():
    """And a rule where the threshold stands."""
    points = [charts.Point(t / 100, name, 0.9) for t in (50, 85) for name in ("precision", "recall")]
    found = charts.threshold_curve("Accuracy", points, 0.85)
    assert len(found["data"]["values"]) == 4
    assert found["layer"][1]["data"]["values"] == [{"threshold": 0.85}]
