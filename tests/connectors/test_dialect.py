import pytest

from onefold.connectors.sources import dialect


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b,c\n1,2,3\n", ","),
        ('a;b\n"1;1";2,5\n3;4,5\n', ";"),
        ("a|b\n1,2,3|4\n5|6,7\n", "|"),
        ("a\tb\n1 2\t3\n", "\t"),
        ("name\nAnn\nBob\n", ","),
        (" id  date\n 1  19970101\n 2  19970102\n", " "),
        ("", ","),
        ("full name\nAnn B Smith\nBob\n", ","),
    ],
)
def test_the_delimiter_is_the_one_that_divides_evenly(text, delimiter):
    """Commas in decimals and text, and quoted delimiters, do not mislead."""
    assert dialect.find_delimiter(text) == delimiter


def test_stated_words_are_not_overruled(tmp_path):
    """What the mapping says of a file counts more than what it looks like."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"a b\n1 2\n")
    assert dialect.sniff(path) == dialect.Dialect("whitespace")
    assert dialect.sniff(path, form="csv") == dialect.Dialect("csv", "utf-8", ",")
    assert dialect.sniff(path, delimiter=" ", encoding="cp1252", form="csv").encoding == "cp1252"
