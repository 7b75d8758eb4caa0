"""The reference page of SDKs holds the tables of support that the readers of dialects use."""

from tools.dialects_reference import PAGE, TABLES, page_text

from onefold.serving.routes import ROUTES


def test_the_reference_page_is_current():
    """`make dialects-reference` has been run since a table last changed."""
    assert PAGE.read_text(encoding="utf-8") == page_text(), "run `make dialects-reference`"


def test_the_tables_name_routes_that_are_served_and_each_row_once():
    """A table speaks of no route that nobody answers, and says one thing of each call."""
    for table in TABLES:
        assert [route for route in table.routes if route not in ROUTES] == []
        assert len({row.name for row in table.rows}) == len(table.rows)
