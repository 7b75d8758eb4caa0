"""The public purchase file becomes 23,570 people with every purchase and every cent."""

from collections import Counter
from decimal import Decimal

from tests.plain import balances
from tests.rfm import oracle
from tests.running import project

import onefold
from onefold import bootstrap
from onefold.pipelines.batch import rfm
from onefold.profiles import state as folds
from onefold.rfm import Definition
from onefold.rules.time import read

AS_OF_US = read("1998-07-01")
CUSTOMERS = Definition(name="customers", events=("Order Completed",), amount=("revenue", "total"))


def test_every_purchase_and_every_cent_arrives_once(shared_data):
    """Loaded twice, the file gives its people, its purchases and its revenue exactly once."""
    file = shared_data / "purchases" / "cdnow_master.txt"
    rows = [line.split() for line in file.read_text().splitlines()[1:] if line.strip()]
    with project() as here, bootstrap.opened(here.directory, None) as workspace:
        for _ in range(2):
            for _ in bootstrap.load_file(workspace.context, file, source="cdnow", mapping="cdnow"):
                pass
            assert bootstrap.catch_up(workspace)
        purchases, revenue, people = 0, Decimal(0), set()
        with workspace.context.store.snapshot() as snapshot:
            for row in snapshot.scan():
                _, state = folds.open_node(workspace.context.sealer.open(row))
                purchases += state.purchases
                revenue += sum(state.revenue.values(), Decimal(0))
                people.add(row.member.person)
        (account,) = balances.sources(workspace.context)
    assert len(people) == len({r[0] for r in rows}) == 23_570
    assert purchases == len(rows) == 69_659
    assert revenue == sum((Decimal(r[3]) for r in rows), Decimal(0)) == Decimal("2500315.63")
    assert (account["received"], account["stored"], account["duplicate"]) == (2 * 69_659, 69_659, 69_659)
    assert account["balanced"]


def test_rfm_of_the_public_purchases(shared_data):
    """Scores, cut points and segments are those of the file itself, and those that were published with this version."""
    file = shared_data / "purchases" / "cdnow_master.txt"
    rows = [line.split() for line in file.read_text().splitlines()[1:] if line.strip()]
    events = [
        (who, "Order Completed", read(f"{day[:4]}-{day[4:6]}-{day[6:]}"), {"revenue": amount, "currency": "USD"})
        for who, day, _, amount in rows
    ]
    values = oracle.measures(CUSTOMERS, events, AS_OF_US)
    wanted = Counter(oracle.by_values(CUSTOMERS, values).values())
    with project() as here:
        with bootstrap.opened(here.directory, None) as workspace:
            for _ in bootstrap.load_file(workspace.context, file, source="cdnow", mapping="cdnow"):
                pass
            assert bootstrap.catch_up(workspace)
            warehouse = bootstrap.warehouse_of(workspace)
            try:
                run = rfm.result(rfm.run(warehouse, CUSTOMERS, as_of_us=AS_OF_US, now_us=AS_OF_US))
            finally:
                warehouse.close()
        with onefold.open(here.directory) as opened:
            analysis = opened.rfm["customers"]
            assert analysis.runs() == [run]
            assert sum(square.people for square in analysis.grid()) == run.people
            best = analysis.people("Champions", limit=1)
            assert [(row["frequency"], row["monetary"]) for row in best] == [(129, Decimal("6967.76"))]
    assert {(cell.r, cell.f, cell.m, cell.segment): cell.people for cell in run.cells} == wanted
    assert (run.people, run.events) == (8_312, 28_028)
    cuts = run.cut_points
    assert [point.value for point in cuts.recency] == ["34", "92", "159", "246"]
    assert [point.value for point in cuts.frequency] == ["1", "2", "3", "5"]
    assert [point.value for point in cuts.monetary] == ["24.98", "46.97", "85.43", "168.4"]
    assert {part.name: part.people for part in run.segments} == {
        "Hibernating": 2_215, "Loyal": 1_425, "Potential Loyal": 1_085, "At Risk": 916, "Need Attention": 813,
        "About To Sleep": 668, "Champions": 543, "Lost": 270, "Promising": 179, "New": 105, "Cannot Lose": 93,
    }  # fmt: skip
