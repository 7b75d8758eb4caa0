"""Check files: what they say becomes checks; what is wrong is told with file, line and the nearest word."""

from __future__ import annotations

from decimal import Decimal

import pytest

from onefold.config.checks import read_checks, replaced, shipped_checks
from onefold.governance.checks.definition import KINDS, Distribution, NotNull, Range, Reference, Tolerance, kind_name

HEAD = "relation: staging.event\nowner: Data team\ngate: 2\nkey: [log_partition, log_offset]\nchecks:\n"
ALL = """\
  - not_null: [node, source]
    tolerance: 1%
  - unique: event_id
    name: no_event_twice
  - type: {column: name, is: date}
    severity: warn
  - range: {column: match_quality, min: 0, max: 1}
    where: kind = 'track'
  - set: {column: kind, values: [track, record]}
  - pattern: {column: name, matches: '^[A-Z]'}
    tolerance: 12
  - reference: {column: node, relation: golden.node}
  - completeness: {columns: [name, source], min: 60%}
  - rule: received_at >= event_at
    description: Nothing is received before it happened.
  - row_count: {min: 1, change: 20%}
  - freshness: {column: received_at, within: 1h}
    owner: Web team
  - distribution: {column: match_quality, statistic: quantile, quantile: 5%, min: 0.2}
  - volume: {column: received_at}
    severity: off
"""


def read(tmp_path, **files):
    """Checks and problems of a project with these check files."""
    (tmp_path / "checks").mkdir()
    for name, text in files.items():
        (tmp_path / "checks" / f"{name}.yaml").write_text(text)
    problems = []
    return read_checks(tmp_path, problems), list(map(str, problems))


def test_every_kind_is_read(tmp_path):
    """With what the file says of all of them, its own words first, and a name where it gives none."""
    found, problems = read(tmp_path, event=HEAD + ALL)
    assert problems == []
    assert tuple(kind_name(check.kind) for check in found) == KINDS
    first, unique, _, bounded, *_ = found
    assert first.kind == NotNull(("node", "source"))
    assert first.tolerance == Tolerance(share=Decimal("0.01"))
    assert (first.name, first.owner, first.gate, first.key, first.line) == (
        "not_null_node_source", "Data team", 2, ("log_partition", "log_offset"), 6,
    )  # fmt: skip
    assert unique.name == "no_event_twice"
    assert bounded.kind == Range("match_quality", "0", "1")
    assert bounded.where is not None
    by_name = {check.name: check for check in found}
    assert by_name["pattern_name"].tolerance == Tolerance(rows=12)
    assert by_name["reference_node"].kind == Reference(("node",), "golden.node", ("node",))
    assert by_name["freshness_received_at"].owner == "Web team"
    assert by_name["distribution_quantile_match_quality"].kind == Distribution(
        "match_quality", "quantile", low=Decimal("0.2"), quantile=Decimal("0.05")
    )
    assert by_name["volume_received_at"].severity == "off"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("  - not_nul: node\n", 6, "did you mean `not_null`?"),
        ("  - {not_null: node, unique: node}\n", 6, "`not_null` and `unique`"),
        ("  - description: nothing\n", 6, "asks nothing"),
        ("  - not_null: node\n    severity: eror\n", 7, "did you mean `error`?"),
        ("  - not_null: node\n    tolerance: many\n", 7, "a share such as `1%`"),
        ("  - not_null: node\n    tolerance: 101%\n", 7, "0% to 100%"),
        ("  - not_null: node\n    where: kind = = 2\n", 7, "cannot be read"),
        ("  - not_null: node\n    where: lenth(kind) = 2\n", 7, "did you mean `length`?"),
        ("  - rule: select 1\n", 6, "Rules have no"),
        ("  - range: {column: a}\n", 6, "`min`, `max` or both"),
        ("  - type: {column: a, is: numer}\n", 6, "`is` must be one of"),
        ("  - pattern:\n      column: a\n      matches: '(?=a)'\n", 8, "not an RE2 expression"),
        ("  - reference: {column: [a, b], relation: x.y, to: a}\n", 6, "as many columns"),
        ("  - freshness: {column: a, within: soon}\n", 6, "a duration such as"),
        ("  - row_count: {}\n", 6, "`change`"),
        ("  - distribution: {column: a, statistic: psi}\n", 6, "needs `max`"),
        ("  - distribution: {column: a, statistic: mean}\n", 6, "`min`, `max` or `change`"),
        ("  - distribution: {column: a, statistic: mean, quantile: 5%, max: 1}\n", 6, "go together"),
        ("  - distribution: {column: a, statistic: psi, max: 1, edges: [2, 1]}\n", 6, "must rise"),
        ("  - distribution: {column: a, statistic: psi, max: 1, baseline: {x: 50%}}\n", 6, "add up"),
        ("  - completeness: {columns: [a], min: most}\n", 6, "must be a number"),
        ("  - not_null: node\n  - not_null: node\n", 7, "already in checks/event.yaml:6"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, text, line, words):
    """File, line, and what to write instead."""
    _, problems = read(tmp_path, event=HEAD + text)
    assert len(problems) == 1, problems
    assert problems[0].startswith(f"checks/event.yaml:{line}: ")
    assert words in problems[0].replace("`type.is`", "`is`").replace("checks[0].type.is", "is")


def test_two_files_cannot_define_one_check(tmp_path):
    """The second is told where the first is."""
    text = HEAD + "  - not_null: node\n"
    _, problems = read(tmp_path, a=text, b=text)
    assert problems == ["checks/b.yaml:6: the check `not_null_node` of staging.event is already in checks/a.yaml:6"]


def test_a_projects_check_replaces_the_shipped_one(tmp_path):
    """By relation and name; all others stay."""
    own, _ = read(tmp_path, event=HEAD + "  - not_null: node\n    severity: warn\n")
    (tmp_path / "shipped").mkdir()
    shipped, _ = read(tmp_path / "shipped", event=HEAD + "  - not_null: node\n  - unique: event_id\n")
    assert [check.name for check in replaced(own, shipped)] == ["unique_event_id"]


def test_shipped_gates_can_be_read():
    """Each names its gate and a key; a mistake in one would raise."""
    shipped = shipped_checks()
    assert {check.gate for check in shipped} == {2, 3}
    assert all(check.key and check.owner for check in shipped)
