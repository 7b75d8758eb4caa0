"""The public purchase file becomes 23,570 people with every purchase and every cent."""

from decimal import Decimal

from tests.plain import balances
from tests.running import project

from onefold import bootstrap
from onefold.profiles import state as folds


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
