"""Each combination of scores has exactly one segment, and the map that the product brings is the one that is documented."""

import re
from itertools import product

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from onefold import config
from onefold.rfm import DEFAULT, SegmentMapError, SegmentRule, segment_map
from onefold.rfm.segments import cells, mean, names

SPANS = st.tuples(st.integers(1, 5), st.integers(1, 5)).map(lambda ends: (min(ends), max(ends)))
RULES = st.builds(lambda name, r, f, m, fm: SegmentRule(name=name, r=r, f=f, m=m, fm=fm),
                  st.sampled_from("ABCDE"), SPANS, SPANS, SPANS, SPANS)  # fmt: skip


def test_every_combination_has_exactly_one_segment():
    """125 of them, each named by the first rule that matches; all eleven segments are used."""
    found = segment_map(DEFAULT)
    assert set(found) == set(product(range(1, 6), repeat=3))
    assert len(names(DEFAULT)) == 11
    assert set(found.values()) == set(names(DEFAULT))
    for cell, name in found.items():
        assert name == next(rule.name for rule in DEFAULT if rule.matches(cell))


def test_the_sample_segment_of_best_donors_names_segments_of_the_map():
    """A misspelt one would have nobody, and no error says so."""
    stated = yaml.safe_load(config.template_texts("media")["segments/donors.yaml"])["segments"]["best_donors"]["rule"]
    named = set(re.findall("'([^']+)'", stated))
    assert named
    assert named <= set(names(DEFAULT))


@pytest.mark.parametrize(
    ("name", "spans"),
    [
        ("Champions", [(5, 5), (5, 5), (5, 5)]),
        ("Loyal", [(4, 5), (4, 5), (4, 5)]),
        ("Potential Loyal", [(4, 5), (2, 3), (2, 3)]),
        ("New", [(5, 5), (1, 1), (1, 1)]),
        ("At Risk", [(2, 3), (4, 5), (4, 5)]),
        ("Hibernating", [(1, 2), (1, 2), (1, 2)]),
    ],
)
def test_the_map_says_what_it_was_specified_to_say(name, spans):
    """Scores that the specification names have its names; Champions are the best of the loyal."""
    found = segment_map(DEFAULT)
    specified = set(product(*(range(low, high + 1) for low, high in spans))) - {(5, 5, 5)}
    assert {found[cell] for cell in specified} <= {name}
    assert found[5, 5, 5] == "Champions"


@given(st.lists(RULES, max_size=6))
def test_a_map_is_total_or_refused(rules):
    """Whatever rules a project states: all 125 combinations get the first match, or the map is refused with the reason."""
    first = {cell: next((n for n, rule in enumerate(rules) if rule.matches(cell)), None) for cell in cells()}
    good = None not in first.values() and set(first.values()) == set(range(len(rules)))
    if good:
        assert segment_map(rules) == {cell: rules[n].name for cell, n in first.items()}
    else:
        with pytest.raises(SegmentMapError, match=r"have no segment|never applies"):
            segment_map(rules)


@pytest.mark.parametrize("missing", range(len(DEFAULT)))
def test_without_any_one_rule_the_map_is_refused_or_another(missing):
    """Control: no rule of the map is there for nothing."""
    rules = [rule for place, rule in enumerate(DEFAULT) if place != missing]
    # Champions are loyal as well, and all others stand alone.
    if missing == 0:
        assert segment_map(rules)[5, 5, 5] == "Loyal"
    else:
        with pytest.raises(SegmentMapError, match="no segment"):
            segment_map(rules)


def test_a_shadowed_rule_is_refused():
    """A rule that those before it leave nothing is a mistake."""
    rules = (*DEFAULT, SegmentRule(name="Nobody", r=(1, 1)))
    with pytest.raises(SegmentMapError, match=r"rule 12 \(`Nobody`\) never applies"):
        segment_map(rules)


def test_halves_round_up():
    """The mean of scores is a score."""
    assert [mean(f, m) for f, m in ((1, 1), (1, 2), (2, 3), (5, 4), (1, 5))] == [1, 2, 3, 5, 3]


def test_rules_are_values():
    """So that definitions with equal rules have one fingerprint."""
    assert msgspec.json.decode(msgspec.json.encode(DEFAULT), type=tuple[SegmentRule, ...]) == DEFAULT
