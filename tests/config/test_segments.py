"""Segments in files: what is wrong is told with file, line and the nearest word; nothing of it is used or saved."""

import pytest

from onefold import bootstrap
from onefold.audiences.definition import Definition
from onefold.config import read_project
from onefold.errors import ConfigurationError, UsageError


@pytest.fixture
def directory(tmp_path):
    """A shop's project without segments."""
    bootstrap.init(tmp_path / "p", "shop")
    for file in (tmp_path / "p" / "segments").iterdir():
        file.unlink()
    return tmp_path / "p"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("segments:\n  a: purchases >= 1\n  b: purchase >= 1\n", 3, "did you mean `purchases`?"),
        ("segments:\n  a: in_segment.a\n", 2, "`a` reads itself: `a` reads `a`"),
        ("segments:\n  a: in_segment.b\n  b: in_segment.c\n  c: in_segment.a\n", 2, "`a` reads `b` reads `c` reads `a`"),
        ("segments:\n  buyers: purchases >= 1\n  b: in_segment.buyer\n", 3, "did you mean `in_segment.buyers`?"),
        ("segments:\n  buyers: events > 1\n  b:\n    rule: events > 1\n    exclude: [buyer]\n", 5, "did you mean `buyers`?"),
        ("segments:\n  a: purchases + 1\n", 2, "gives a number, not true or false"),
        ("segments:\n  a: {kind: static, rule: purchases >= 1}\n", 2, "is a list, so it has no `rule`"),
        ("segments:\n  a: {description: nothing}\n", 2, "lacks `rule`"),
        ("segments:\n  a: {rule: events > 1, top: {percent: 5, by: revenue}}\n", 2, "is for `kind: scheduled`"),
        ("segments:\n  a: {kind: scheduled, top: {percent: 5, by: revenu}}\n", 2, "did you mean `revenue`?"),
        ("segments:\n  a: {kind: scheduled, top: {percent: 5, by: last_seen}}\n", 2, "is a time, not a number"),
        ("segments:\n  A-B: events > 1\n", 2, "is not a name of lower-case letters"),
        ("segments:\n  a: {rule: events > 1, knd: static}\n", 2, "did you mean `kind`?"),
        ("segments:\n  a:\n    rule: {conditions: [{field: events, operator: biggest, value: 1}]}\n", 3, "no such operator"),
        ("segments:\n  a: trait.nothing = 1\n", 2, "no field `trait.nothing`"),
        ("segments:\n  a: {kind: realtime, suppression: true, rule: events > 1}\n", 2, "is for `kind: static`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(directory, text, line, said):
    """And the project is not used."""
    (directory / "segments" / "wrong.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_project(directory)
    told = [one for one in str(caught.value).split("\n") if one.startswith(f"segments/wrong.yaml:{line}: ")]
    assert any(said in one for one in told), str(caught.value)


def test_a_slug_is_there_once(directory):
    """In whichever file."""
    (directory / "segments" / "a.yaml").write_text("segments: {buyers: purchases >= 1}\n")
    (directory / "segments" / "b.yaml").write_text("segments:\n  other: events > 1\n  buyers: purchases >= 2\n")
    with pytest.raises(
        ConfigurationError, match=r"segments/b.yaml:3: the segment `buyers` is already in segments/a.yaml:1"
    ):
        read_project(directory)


def test_a_rule_may_be_written_both_ways(directory):
    """As text, and as segment builders write it: the same members, so the same fingerprint."""
    (directory / "segments" / "a.yaml").write_text(
        "segments:\n  a: purchases > 3\n  b:\n    rule:\n      logic: and\n      conditions:\n"
        "        - {field: computed_traits.total_purchases, operator: greater_than, value: 3}\n"
    )
    a, b = read_project(directory).segments
    assert a.fingerprint() == b.fingerprint()


def test_words_do_not_change_the_fingerprint_and_what_decides_does():
    """Description, owner, tags and place are words."""
    one = Definition(slug="a", rule="purchases >= 1")
    words = Definition(slug="a", rule="purchases  >=  1", description="x", owner="y", tags=("z",), file="f", line=9)
    assert one.fingerprint() == words.fingerprint()
    others = [
        Definition(slug="a", rule="purchases >= 2"),
        Definition(slug="a", rule="purchases >= 1", status="draft"),
        Definition(slug="a", rule="purchases >= 1", exclude=("b",)),
        Definition(slug="a", rule="purchases >= 1", kind="scheduled"),
    ]
    assert len({one.fingerprint(), *(other.fingerprint() for other in others)}) == 5


def test_nothing_is_half_saved(directory):
    """A new segment that cannot be used leaves no file; one that can is read back as it was."""
    with pytest.raises(ConfigurationError, match="did you mean `purchases`"):
        bootstrap.save_segment(directory, Definition(slug="new", rule="purchase >= 1"))
    with pytest.raises(ConfigurationError, match="is not a name"):
        bootstrap.save_segment(directory, Definition(slug="../new", rule="purchases >= 1"))
    assert list((directory / "segments").iterdir()) == []
    definition = Definition(slug="new", rule="purchases >= 1 and attr.name = 'a: \"b\" # c'", description="- x: [y]")
    bootstrap.save_segment(directory, definition)
    (found,) = read_project(directory).segments
    assert (found.rule, found.description) == (definition.rule, definition.description)
    with pytest.raises(UsageError, match=r"already in segments/new.yaml:2"):
        bootstrap.save_segment(directory, definition)


def test_what_another_reads_is_not_deleted(directory):
    """The reader is named, with its place; what nobody reads goes."""
    bootstrap.save_segment(directory, Definition(slug="buyers", rule="purchases >= 1"))
    bootstrap.save_segment(directory, Definition(slug="lapsed", rule="in_segment.buyers and events > 3"))
    with pytest.raises(ConfigurationError, match=r"segments/lapsed.yaml:2: `lapsed` reads `buyers`"):
        bootstrap.delete_segment(directory, "buyers")
    with pytest.raises(UsageError, match="did you mean `lapsed`"):
        bootstrap.delete_segment(directory, "lapse")
    bootstrap.delete_segment(directory, "lapsed")
    bootstrap.delete_segment(directory, "buyers")
    assert read_project(directory).segments == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"ann@mail.test\n\nnot an address\n", r"list.txt:3 cannot name anybody as `email`"),
        (b"ann@mail.test\n\xff\xfe\n", r"list.txt:2 is not UTF-8"),
    ],
)
def test_a_list_with_one_line_that_cannot_be_read_is_refused_as_a_whole(directory, text, said):
    """With file and line; nobody is put on the list."""
    (directory / "segments" / "a.yaml").write_text("segments: {board: {kind: static}}\n")
    file = directory / "list.txt"
    file.write_bytes(text)
    with bootstrap.project_segments(directory, None, start=True) as segments:
        segments.apply()
        with pytest.raises(UsageError, match=said):
            segments.upload("board", file, kind="email", remove=False)
        assert segments.audiences.segment("board").entries == 0
        file.write_bytes(b"ann@mail.test\nuser_id:42\n")
        assert segments.upload("board", file, kind="email", remove=False).changed == 2
        assert segments.audiences.segment("board").entries == 2


def test_an_edited_file_changes_nothing_until_it_is_applied(directory):
    """The list tells that it differs; applied, it holds in a new version, and the one before can be compared."""
    file = directory / "segments" / "a.yaml"
    file.write_text("segments: {active: events >= 1}\n")
    with bootstrap.project_segments(directory, None, start=True) as segments:
        segments.apply()
    file.write_text("segments: {active: events >= 2}\n")
    with bootstrap.project_segments(directory, None) as segments:
        found = segments.audiences.segment("active")
        assert (found.version, found.pending) == (1, "changed")
        with segments.workspace.context.store.snapshot() as snapshot:
            assert [one.version for one in snapshot.definitions()] == [1]
        assert [change.what for change in segments.plan().changes] == ["changed"]
        segments.apply()
        found = segments.audiences.segment("active")
        assert (found.version, found.pending) == (2, None)
        assert segments.audiences.version("active", 1).rule == "events >= 1"
