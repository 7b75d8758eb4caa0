"""RFM definitions of a project: read with their defaults, and refused with file, line and reason."""

from decimal import Decimal

import pytest

from onefold.config.reading import Problem
from onefold.config.rfm import read_rfm
from onefold.rfm import DEFAULT, CutPoint, SegmentRule
from onefold.rules.time import read as read_time


def read(folder, text, name="givers.yaml"):
    """The definitions of a project with this file, and its problems as lines."""
    (folder / "rfm").mkdir(exist_ok=True)
    (folder / "rfm" / name).write_text(text)
    problems: list[Problem] = []
    return read_rfm(folder, "CAD", problems), [str(problem) for problem in problems]


def test_what_is_left_out_has_its_default(tmp_path):
    """A year, fifths by value, the project's currency, the segments of Onefold, and the file's name."""
    (found,), problems = read(tmp_path, "events: [Gift]\namount: [total]\n")
    assert problems == []
    assert (found.name, found.lookback_days, found.method) == ("givers", 365, "quantiles")
    assert (found.currency, found.default_currency, found.segments) == ("CAD", "CAD", DEFAULT)


def test_everything_can_be_stated(tmp_path):
    """Own cut points, exact; own segments; a moment; everything that ever happened."""
    (found,), problems = read(
        tmp_path,
        "name: all_gifts\nevents: [Gift, Pledge]\namount: [total]\ncurrency: USD\nlookback: lifetime\nas_of: 2026-06-30\n"
        "method: bins\nbins: {recency: [1, 2, 3, 4], frequency: [1, 2, 3, 4], monetary: [0.1, 10, 20, 30]}\n"
        "segments: [{name: Best, r: 5, fm: 4-5}, {name: Rest}]\n",
    )
    assert problems == []
    assert (found.name, found.currency, found.lookback_days) == ("all_gifts", "USD", None)
    assert found.as_of_us == read_time("2026-06-30")
    assert found.bins.monetary[0] == CutPoint(Decimal("0.1"))
    assert found.segments == (SegmentRule(name="Best", r=(5, 5), fm=(4, 5)), SegmentRule(name="Rest"))
    again = read(tmp_path, (tmp_path / "rfm" / "givers.yaml").read_text() + "description: Said anew.\n")[0][0]
    assert again.fingerprint == found.fingerprint


BINS = "method: bins\nbins: {recency: [1, 2, 3, 4], frequency: [%s], monetary: [1, 2, 3, 4]}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("amount: [total]", "givers.yaml:1: `the file` lacks `events`"),
        ("events: [Gift]\nmetod: ntile", "givers.yaml:2: `the file` does not know `metod`; did you mean `method`?"),
        ("events: [Gift]\nlookback: 1y", "givers.yaml:2: `lookback` must be"),
        ("events: [Gift]\nas_of: someday", "givers.yaml:2: `as_of` must be a date"),
        ("events: [Gift]\ncurrency: USD", "`currency` is for definitions with an `amount`"),
        ("events: [Gift]\nmethod: bins", "`method: bins` and `bins` go together"),
        ("events: [Gift]\n" + BINS % "1, 2, 3", "givers.yaml:3: `bins.frequency` needs at least 4"),
        ("events: [Gift]\n" + BINS % "1, 2, 3, 4, 5", "`bins.frequency` must be four rising numbers"),
        ("events: [Gift]\n" + BINS % "1, 2, 2, 4", "`bins.frequency` must be four rising numbers"),
        ("events: [Gift]\n" + BINS % "1, 2, 2.5, 4", "`bins.frequency`: must be whole numbers"),
        ("events: [Gift]\n" + BINS % "1, 2, 3, NaN", "`bins.frequency`: must be whole numbers"),
        ("events: [Gift]\nsegments: [{name: A, r: 5}]", "100 of the 125 combinations of scores have no segment"),
        ("events: [Gift]\nsegments:\n  - {name: A}\n  - {name: B}", "the rule 2 (`B`) never applies"),
        ("events: [Gift]\nsegments:\n  - {name: A, r: 6}", "givers.yaml:3: `segments[0].r` must be a score or a span"),
        (
            "events: [Gift]\nsegments:\n  - {name: A, r: 4-2}",
            "givers.yaml:3: `segments[0].r` must be a score or a span",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path, text, told):
    """And the definition is not used."""
    found, problems = read(tmp_path, text + "\n")
    assert found == ()
    assert any(told in problem for problem in problems), problems


def test_two_of_a_name_are_refused(tmp_path):
    """So is a name that no relation could hold."""
    read(tmp_path, "events: [Gift]\n")
    _, problems = read(tmp_path, "name: givers\nevents: [Gift]\n", "others.yaml")
    assert problems == ["rfm/others.yaml:1: `givers` is already in rfm/givers.yaml"]
    (tmp_path / "rfm" / "others.yaml").unlink()
    _, problems = read(tmp_path, "events: [Gift]\n", "My Givers.yaml")
    assert "is not a name" in problems[0]


def test_a_definition_says_how_often_it_runs(tmp_path):
    """Once a day where it says nothing; what it says is no part of what it means."""
    (plain,), problems = read(tmp_path, "events: [Gift]\n")
    (often,), more = read(tmp_path, "events: [Gift]\nevery: 6h\n")
    assert (problems, more) == ([], [])
    assert (plain.every_us, often.every_us) == (24 * 3_600_000_000, 6 * 3_600_000_000)
    assert plain.fingerprint == often.fingerprint
