import csv
from datetime import date

import pytest

from onefold.connectors.sources import files, mapping
from onefold.synthetic.population import people
from onefold.synthetic.systems import write
from onefold.synthetic.visits import visits

DAY = date(2026, 1, 1)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The files of five systems about a thousand people."""
    return write(tmp_path_factory.mktemp("systems"), people(5, 1000), seed=5, as_of=DAY)


@pytest.mark.parametrize("system", ["donors", "gifts", "subscribers", "tickets", "newsletter"])
def test_each_file_is_read_whole_by_its_mapping(written, system):
    """Exactly the rows damaged on purpose cannot be read, and all others can."""
    path = written.files[system]
    found = list(files.rows(path, mapping.load(path.with_suffix(".yaml"))))
    bad = [row for row in found if isinstance(row, files.BadRow)]
    assert len(bad) == written.unreadable[system]
    assert len(found) - len(bad) == written.rows[system]


def test_each_kind_of_damage_is_told_apart(written):
    """The damaged rows show every reason that a person may have to deal with."""
    reasons = set()
    for path in written.files.values():
        found = files.rows(path, mapping.load(path.with_suffix(".yaml")))
        reasons |= {row.reason for row in found if isinstance(row, files.BadRow)}
    assert reasons == {
        "bad_bytes", "bad_cast", "bad_json", "bad_quotes", "embedded_nul", "missing_id", "wrong_column_count",
    }  # fmt: skip


def test_the_truth_names_every_record_once(written):
    """One line for each person's record of each system, and its person exists."""
    with written.truth.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    keys = [(line["system"], line["type"], line["value"]) for line in lines]
    assert len(set(keys)) == len(keys)
    stated = sum(written.rows[system] for system in ("donors", "subscribers", "tickets", "newsletter"))
    assert len(lines) == stated
    assert {line["person"] for line in lines} <= {person.id for person in people(5, 1000).people}


def test_the_same_seed_writes_the_same_bytes(written, tmp_path):
    """Whoever repeats a run works on the same files."""
    again = write(tmp_path, people(5, 1000), seed=5, as_of=DAY)
    assert again.truth.read_bytes() == written.truth.read_bytes()
    assert all(again.files[name].read_bytes() == path.read_bytes() for name, path in written.files.items())


def test_records_are_blurred_copies(written):
    """Nicknames, other cases, placeholders, plus tags and families' addresses occur, or the files prove little."""
    donors = written.files["donors"].read_bytes().decode("cp1252", "replace")
    newsletter = written.files["newsletter"].read_text()
    assert ".family" in donors
    assert "test@test.com" in donors + written.files["subscribers"].read_bytes().decode("utf-8", "replace")
    assert "+wbez@" in newsletter
    assert any(line.split("\t")[1].isupper() for line in newsletter.splitlines()[1:])


def test_visits_can_be_sent_by_an_sdk():
    """Calls are in order of time and in the past, each with its own message id; people who log in carry both ids."""
    found = visits(people(5, 1000), seed=5, as_of=DAY)
    moments = [call.arguments["timestamp"] for call in found.calls]
    assert moments == sorted(moments)
    assert moments[-1].date() < DAY
    assert len({call.arguments["message_id"] for call in found.calls}) == len(found.calls)
    assert all(call.arguments["user_id"] for call in found.calls if call.method == "identify")
    assert {call.method for call in found.calls} == {"identify", "track", "page"}


def test_a_shared_device_belongs_to_nobody():
    """The truth has no line for a cookie that several people use, although it occurs in calls."""
    found = visits(people(5, 1000), seed=5, as_of=DAY)
    known = {value for _, _, value, _ in found.truth}
    cookies = {call.arguments["anonymous_id"] for call in found.calls}
    assert found.shared
    assert set(found.shared) == cookies - known
