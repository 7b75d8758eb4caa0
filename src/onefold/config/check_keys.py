"""Check files: which keys they know, and what each key means. `config.checks` reads them."""

from __future__ import annotations

from onefold.config.kinds import Duration, Either, Field, Integer, ListOf, MapOf, Record, Scalar, Text
from onefold.governance.checks.definition import STATISTICS, VALUE_TYPES

RELATION = Text(
    pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$", shape="a relation such as `staging.event`"
)
COLUMNS = Either(scalar=Text(), sequence=ListOf(Text(), 1))
SEVERITY = Text(("error", "warn", "off"))

CHECK_KINDS = {
    "not_null": Field(COLUMNS, "Columns that must hold a value in every row."),
    "unique": Field(COLUMNS, "Columns in which no two rows may agree. Rows with a null among them pass."),
    "type": Field(
        Record(
            {
                "column": Field(Text(), "The column.", required=True),
                "is": Field(Text(VALUE_TYPES), "What its values, or texts in it, must be.", required=True),
            }
        ),
        "The type of a column's values, or how its texts are written.",
    ),
    "range": Field(
        Record(
            {
                "column": Field(Text(), "The column: numbers, times, dates or texts.", required=True),
                "min": Field(Scalar(), "Least value."),
                "max": Field(Scalar(), "Greatest value."),
            }
        ),
        "Bounds of a column's values, both included.",
    ),
    "set": Field(
        Record(
            {
                "column": Field(Text(), "The column.", required=True),
                "values": Field(ListOf(Scalar(), 1), "The values it may hold.", required=True),
            }
        ),
        "The values that a column may hold.",
    ),
    "pattern": Field(
        Record(
            {
                "column": Field(Text(), "The column of texts.", required=True),
                "matches": Field(
                    Text(), "RE2 expression that must match somewhere; `^` and `$` fix the ends.", required=True
                ),
            }
        ),
        "The form of a column's texts.",
    ),
    "reference": Field(
        Record(
            {
                "column": Field(COLUMNS, "Column, or columns, of this relation.", required=True),
                "relation": Field(RELATION, "The relation in which they must be found.", required=True),
                "to": Field(COLUMNS, "The columns there, in the same order; the same names when left out."),
            }
        ),
        "Columns whose values must exist in another relation. Rows with a null among them pass.",
    ),
    "completeness": Field(
        Record(
            {
                "columns": Field(ListOf(Text(), 1), "The columns that count.", required=True),
                "min": Field(Scalar(), "Least share of them that a row must fill, such as `60%`.", required=True),
            }
        ),
        "How many of several columns each row must fill.",
    ),
    "rule": Field(Text(), "A rule about the columns that must not be false of any row."),
    "row_count": Field(
        Record(
            {
                "min": Field(Integer(0, 10**15), "Fewest rows."),
                "max": Field(Integer(0, 10**15), "Most rows."),
                "change": Field(Scalar(), "Most it may differ from the previous run, either way, such as `20%`."),
            }
        ),
        "How many rows the relation has.",
    ),
    "freshness": Field(
        Record(
            {
                "column": Field(Text(), "The column of times or dates.", required=True),
                "within": Field(Duration(), "Greatest age of its latest value.", required=True),
            }
        ),
        "How old the latest row may be.",
    ),
    "distribution": Field(
        Record(
            {
                "column": Field(Text(), "The column; nulls are left out.", required=True),
                "statistic": Field(
                    Text(STATISTICS),
                    "`mean`; `quantile`; `share` of rows with one of `values`; `psi`, the population stability index.",
                    required=True,
                ),
                "min": Field(Scalar(), "Least it may be."),
                "max": Field(Scalar(), "Most it may be."),
                "change": Field(Scalar(), "Most it may differ from the previous run, such as `10%`; not for `psi`."),
                "quantile": Field(Scalar(), "Of `quantile`: which, such as `95%`."),
                "values": Field(ListOf(Scalar(), 1), "Of `share`: the values counted."),
                "baseline": Field(
                    MapOf(Scalar()),
                    "Of `psi`: the share expected of each value; the previous run's when left out. With `edges` the bins "
                    "are called `0000`, `0001` and so on.",
                ),
                "edges": Field(
                    ListOf(Scalar(), 1), "Of `psi`, for numbers: rising upper ends of bins; one more lies above."
                ),
            }
        ),
        "A statistic of a column.",
    ),
    "volume": Field(
        Record(
            {
                "column": Field(Text(), "The column of times or dates.", required=True),
                "threshold": Field(Scalar(), "Greatest score, either way; 5 when left out."),
                "days": Field(Integer(7, 1000), "Days looked back; 56 when left out."),
            }
        ),
        "Whether the last complete UTC day has as many rows as such days have.",
    ),
}
"""What a check can ask: exactly one of these in each."""

CHECKS = Record(
    {
        "relation": Field(RELATION, "What the checks are about.", required=True),
        "owner": Field(Text(), "Who answers for them."),
        "gate": Field(
            Integer(2, 3),
            "The gate they belong to: 2 between raw and staging, 3 between staging and golden. None when left out.",
        ),
        "key": Field(
            COLUMNS, "Columns that identify a row, without personal data; results and the quarantine name rows by them."
        ),
        "checks": Field(
            ListOf(
                Record(
                    {
                        "name": Field(
                            Text(
                                pattern=r"^[a-z][a-z0-9_]{0,79}$",
                                shape="a name of lower-case letters, digits and `_`, starting with a letter",
                            ),
                            "Its name in the relation; kind and columns when left out. A check of the same name that "
                            "Onefold ships is replaced.",
                        ),
                        "description": Field(Text(), "What it is for."),
                        "owner": Field(Text(), "Who answers for it; the file's owner when left out."),
                        "severity": Field(
                            SEVERITY,
                            "`error` fails the run, `warn` is shown, `off` leaves it out; `error` when left out.",
                        ),
                        "tolerance": Field(
                            Scalar(), "How many rows may fail: a share such as `1%`, or a count; none when left out."
                        ),
                        "where": Field(Text(), "Rule; only rows of which it is true are looked at."),
                        **CHECK_KINDS,
                    }
                ),
                1,
            ),
            "The checks.",
            required=True,
        ),
    }
)
