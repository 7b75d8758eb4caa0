"""What is shared by many, or was somebody else's before, makes nobody one person; and whatever comes, the work is bounded."""

import itertools
import random

import numpy as np
import pytest
from tests.matching.people import rows, table

from onefold import bootstrap
from onefold.errors import UsageError
from onefold.matching import blocking, clustering, screening
from onefold.matching.matcher import truth_of
from onefold.matching.settings import MatchSettings


def matched(records):
    """A match of records with their truth."""
    return bootstrap.match_table(table(records), MatchSettings(), ignored=("cluster",))


def accuracy(records):
    return matched(records).accuracy([record["cluster"] for record in records])


def test_a_mailbox_of_everybody_joins_nobody():
    """An address of the house, a switchboard's number, a placeholder: half of all people have one."""
    made = rows(people=80)
    for number, record in enumerate(made):
        if number % 2:
            record["email"] = "info@company.example"
        if number % 3 == 1:
            record["phone"] = "(312) 555-0100"
    found = accuracy(made)
    assert found.precision == 1
    assert found.recall > 0.9
    assert found.largest == 3


def test_a_number_that_was_given_away_again_joins_nobody():
    """Another person's name, birthday and address outweigh a number that both had."""
    made = rows(people=80)
    for number, record in enumerate(made):
        # Of each second person the number that the one before had.
        if number // 3 % 2:
            record["phone"] = made[number // 3 * 3 - 3]["phone"]
    found = accuracy(made)
    assert found.precision > 0.99
    assert found.largest == 3


@pytest.mark.parametrize("count", [1_000, 4_000])
def test_work_grows_with_the_records_only(count):
    """Equal names, copies of one record, ids in a row: pairs a record stay below what the budget says."""
    draw = random.Random(count)
    made = [
        {"id": str(n), "cluster": str(n), "first_name": "john", "last_name": "smith", "city": draw.choice(("leeds", "york")),
         "email": "a@b.example" if n % 2 else None, "phone": f"+1312{n // 40:07d}"}
        for n in range(count)
    ]  # fmt: skip
    found = matched(made)
    budget = blocking.budget_of(count)
    assert found.looked_at <= (budget.looked_at + 1) * count
    assert clustering.sizes(found.person)[0] <= clustering.COMPONENT_MAX


def test_large_tables_look_at_fewer_pairs_a_record():
    """A budget never grows with the table."""
    budgets = [blocking.budget_of(count) for count in (1_000, 30_000, 100_000, 300_000, 1_000_000, 10_000_000)]
    for smaller, larger in itertools.pairwise(budgets):
        for name in ("one", "two", "three", "largest", "chance", "looked_at"):
            assert getattr(larger, name) <= getattr(smaller, name)
    assert budgets[-1].looked_at < 5


def test_what_is_left_out_shares_least():
    """Under a small budget the pairs that are kept are those with the most evidence, and true ones among them."""
    records = matched(rows(people=120)).records
    whole = blocking.choose(records)
    small = blocking.choose(records, blocking.Budget(1_000, 1_000, 1_000, 1_000, 1e9, 2.0))
    assert len(small.pairs) < len(whole.pairs)
    assert np.isin(small.pairs, whole.pairs).all()
    assert small.scheme.least > 3 * screening.UNITS
    truth = truth_of(records, [name.split("-")[0] for name in np.array(records.ids)[np.argsort(records.order)]])
    a, b = small.pairs // records.count, small.pairs % records.count
    assert (truth[a] == truth[b]).sum() > 0.95 * 360


def test_a_table_of_one_value_is_refused():
    """It says which column holds what, and what to do."""
    with pytest.raises(UsageError, match="No column tells people apart"):
        matched([{"id": str(n), "cluster": "1", "last_name": "smith"} for n in range(50)])
    with pytest.raises(UsageError, match="No column tells people apart"):
        matched([{"id": str(n), "cluster": "1", "last_name": ""} for n in range(50)])
