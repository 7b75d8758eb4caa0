"""Keys written into identity.yaml: the file says them afterwards, and all else that it said, comments too."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from onefold.config import identity_text
from onefold.config.identity_change import merged
from onefold.config.identity_text import with_item, with_keys
from onefold.errors import UsageError

FILE = """\
# Who is who: the shop's rules.
default_region: GB   # phones

match: {}
types:
  # a household shares one
  phone:
    limit: 3   # three at most
  member_id: {priority: 90, like: id}
blocked:
  values:
  - none@example.org   # the till
  - "0000"
"""
FORMS = (FILE, "", "# nothing yet\n", "match:\n", "match: {join_from: 0.9}\n", "types: {}\nblocked: {values: [a, b]}\n")
changes = st.fixed_dictionaries(
    {},
    optional={
        "match": st.dictionaries(
            st.sampled_from(["join_from", "review_from"]), st.sampled_from([0.5, 0.75]), min_size=1
        ),
        "types": st.dictionaries(
            st.sampled_from(["phone", "email", "member_id"]),
            st.dictionaries(st.sampled_from(["limit", "shared_after"]), st.integers(2, 9), min_size=1),
            min_size=1,
        ),
        "blocked": st.fixed_dictionaries({"values": st.lists(st.text(max_size=8), max_size=3)}),
    },
)


def comments(text):
    return [line.partition("#")[2] for line in text.splitlines() if "#" in line]


@given(st.sampled_from(FORMS), changes)
def test_the_file_says_it_and_all_else_it_said(text, changed):
    """Whatever is changed: read again, it is the old with the new in its place; comments outside a replaced list stay."""
    after = with_keys(text, changed)
    assert (yaml.safe_load(after) or {}) == merged(yaml.safe_load(text) or {}, changed)
    lost = set(comments(text)) - set(comments(after))
    assert lost <= ({" the till"} if "blocked" in changed else set())


@given(st.sampled_from(FORMS), st.text(st.characters(exclude_characters="#"), max_size=8))
def test_one_more_item_leaves_the_others_and_every_comment(text, value):
    """A list is added to at its end, in the form that it has; where there is none, it is made."""
    after = with_item(text, ("blocked", "values"), value)
    said = yaml.safe_load(text) or {}
    before = (said.get("blocked") or {}).get("values") or []
    assert yaml.safe_load(after) == merged(said, {"blocked": {"values": [*before, value]}})
    assert comments(after) == comments(text)


def test_a_list_that_cannot_be_added_to_is_refused():
    """A scalar in its place, and a list that stands elsewhere in the file."""
    for odd in ("blocked: {values: none}\n", "types: &t [a]\nblocked: {values: *t}\n", "blocked: nobody\n"):
        with pytest.raises(UsageError, match="by hand"):
            with_item(odd, ("blocked", "values"), "x")


def test_one_value_changes_one_line():
    """The comment behind it stays, too."""
    after = with_keys(FILE, {"types": {"phone": {"limit": 5}}, "match": {"join_from": 0.9}})
    assert after == FILE.replace("limit: 3 ", "limit: 5 ").replace("match: {}", "match: {join_from: 0.9}")


def test_what_cannot_be_written_so_is_refused(monkeypatch):
    """A file that refers within itself; and, as a control, a writer that loses something is found out."""
    with pytest.raises(UsageError, match="by hand"):
        with_keys("types:\n  phone: &one {limit: 3}\n  email: *one\n", {"types": {"email": {"limit": 4}}})
    monkeypatch.setattr(identity_text, "_inserted", lambda text, *_: text)
    with pytest.raises(UsageError, match="by hand"):
        with_keys(FILE, {"types": {"email": {"limit": 4}}})
