"""Questions: what is wrong with a query is told in the words of who typed it; limits keep its order."""

import pytest

from onefold.errors import UsageError
from onefold.warehouse import question, views

KNOWN = list(views.RELATIONS.values())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "SELECT 1 FROM golden.profle",
            "no relation `golden.profle` (line 1, column 15); did you mean `golden.profile`?",
        ),
        ("SELECT 1\n  FROM profle AS p", "no relation `profle` (line 2, column 8); did you mean `profile`?"),
        ("SELECT 1 FROM profile, nothing_like_it", "(line 1, column 24); `onefold tables` lists them."),
        ("SELECT FROM WHERE", "line 1, column"),
        ("DELETE FROM golden.profile", "Only queries"),
        ("SELECT 1; SELECT 2", "State one query"),
    ],
)
def test_a_query_that_cannot_be_asked_names_the_place(text, told):
    """Relation, nearest name, line and column, counted from 1."""
    with pytest.raises(UsageError) as raised:
        question.asked(text, KNOWN)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SELECT persn FROM golden.profile", "no column `persn` (line 1, column 8); did you mean `person`?"),
        (
            "SELECT\n  p.stge, person FROM golden.profile AS p",
            "no column `stge` (line 2, column 5); did you mean `stage`?",
        ),
        ("SELECT zzz FROM golden.profile", "no column `zzz` (line 1, column 8); `onefold describe golden.profile`"),
    ],
)
def test_an_unknown_column_is_told_with_the_nearest(yard, text, told):
    """The engine finds that there is no such column; the message is about the text that was typed."""
    relations = yard.warehouse.relations()
    query = question.asked(text, relations)
    with pytest.raises(UsageError) as raised:
        yard.warehouse.run(query)
    assert told in str(question.explained(raised.value, text, query, relations))


def test_other_faults_are_told_as_the_engine_tells_them(yard):
    """Control: only what is about a column is worded anew."""
    text = "SELECT stage, count(*) FROM golden.profile"
    query = question.asked(text, KNOWN)
    with pytest.raises(UsageError) as raised:
        yard.warehouse.run(query)
    assert question.explained(raised.value, text, query, KNOWN) is raised.value


@pytest.mark.parametrize(
    ("stated", "limit", "rows"),
    [
        ("SELECT x FROM range(9) AS t(x) ORDER BY x DESC", 3, [8, 7, 6]),
        ("SELECT x FROM range(9) AS t(x) ORDER BY x DESC LIMIT 2", 3, [8, 7]),
        ("SELECT x FROM range(9) AS t(x) ORDER BY x DESC LIMIT 5", 3, [8, 7, 6]),
        ("SELECT x FROM range(9) AS t(x) ORDER BY x DESC LIMIT 5 OFFSET 4", 3, [4, 3, 2]),
        ("SELECT x FROM range(9) AS t(x) ORDER BY x DESC LIMIT 50 PERCENT", 3, [8, 7, 6]),
        ("SELECT 1 AS x UNION ALL SELECT 2 ORDER BY x DESC", 1, [2]),
        ("WITH t AS (SELECT 5 AS x) SELECT x FROM t LIMIT 9", 1, [5]),
        ("SELECT x FROM range(9) AS t(x) ORDER BY x OFFSET 7", 9, [7, 8]),
    ],
)
def test_a_limit_cuts_a_query_short_and_keeps_its_order(yard, stated, limit, rows):
    """Whatever limit the query has of its own, and never makes it longer."""
    found = yard.warehouse.run(question.asked(stated, KNOWN, limit=limit))
    assert found["x"].to_pylist() == rows
