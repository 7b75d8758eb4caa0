"""The reference page of findings is the closed list."""

from tools.findings_reference import PAGE, reference_text


def test_the_reference_page_is_current():
    """`make findings-reference` has been run since the list last changed."""
    assert PAGE.read_text(encoding="utf-8") == reference_text(), "run `make findings-reference`"
