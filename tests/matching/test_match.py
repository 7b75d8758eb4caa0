"""Matching a whole table: who is found, whatever the order of the rows, and what happens with tables that say little."""

import random
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.matching.people import families, rows, table

import onefold
from onefold import bootstrap
from onefold.errors import ConfigurationError, UsageError
from onefold.matching import blocking, explanation, fields, learning, outcome, records, report
from onefold.matching import settings as match_settings
from onefold.matching.matcher import truth_of
from onefold.matching.settings import Decision, MatchSettings, Weights

DEFAULTS = MatchSettings()


def found(data, settings=DEFAULTS, **options):
    ignored = [name for name in ("cluster",) if name in data.column_names]
    return bootstrap.match_table(data, settings, ignored=ignored, **options)


def people_of(matched):
    """Sets of record ids that are one person."""
    sets = {}
    for row in outcome.people(matched).to_pylist():
        sets.setdefault(row["person"], set()).add(row["record"])
    return {frozenset(each) for each in sets.values()}


@pytest.fixture(scope="module")
def small():
    """A table of sixty people with three records each, and its match."""
    data = table(rows())
    return data, found(data)


@pytest.mark.parametrize(("name", "f1", "b3"), [("febrl1", 0.9985, 0.9985), ("fake1000", 0.95, 0.96)])
def test_public_sets(shared_data, name, f1, b3):
    """People of labelled sets are found without a label."""
    data = pq.read_table(shared_data / "people" / f"{name}.parquet")
    accuracy = found(data).accuracy(data["cluster"].to_pylist())
    assert accuracy.f1 >= f1
    assert accuracy.b3 >= b3
    assert accuracy.precision >= 0.99


def test_made_people_are_found(small):
    """Slips, gaps and second addresses do not part a person."""
    data, matched = small
    accuracy = matched.accuracy(data["cluster"].to_pylist())
    assert accuracy.precision == 1
    assert accuracy.recall > 0.97


def test_the_order_of_rows_does_not_matter(small):
    """The same rows in any order give the same people, scores and levels."""
    data, matched = small
    for seed in range(3):
        order = list(range(data.num_rows))
        random.Random(seed).shuffle(order)
        again = found(data.take(order))
        assert people_of(again) == people_of(matched)
        assert outcome.scored(again).equals(outcome.scored(matched))


def test_a_forgotten_row_is_seen(small):
    """Control: another table gives other people, so that the comparison above can fail."""
    data, matched = small
    assert people_of(found(data.slice(1))) != people_of(matched)


def test_decisions_stand(small):
    """Two records that somebody parted are two people, and two that somebody joined are one, whatever their scores."""
    data, matched = small
    before = people_of(matched)
    group = sorted(next(each for each in before if len(each) > 1))
    alone = min(next(each for each in before if each != frozenset(group)))
    parted = found(data, decisions=[Decision(group[0], group[1], "different")])
    assert not any({group[0], group[1]} <= each for each in people_of(parted))
    joined = found(data, decisions=[Decision(group[0], alone, "same")])
    assert any({group[0], alone} <= each for each in people_of(joined))


def test_decisions_teach(small):
    """A level that decided pairs of one person are on speaks more for others that are on it; of two people, less."""
    data, matched = small
    rows_ = outcome.scored(matched).to_pylist()
    apart = [row for row in rows_ if row["level_last_name"] == "one slip apart"][:6]
    assert len(apart) == 6

    def weight(verdict):
        said = [Decision(row["record_a"], row["record_b"], verdict) for row in apart]
        model = found(data, decisions=said).model
        at = next(n for n, each in enumerate(model.comparisons) if each.field.column == "last_name")
        level = [each.name for each in model.comparisons[at].levels].index("one slip apart") + 1
        return np.log(model.chances[at][learning.SAME, level] / model.chances[at][learning.STRANGERS, level])

    assert weight("same") > weight("different")


def test_contradicting_decisions_are_refused(small):
    """Nobody is guessed to be right."""
    data, _ = small
    said = [Decision("r0-0", "r1-0", "same"), Decision("r1-0", "r2-0", "same"), Decision("r0-0", "r2-0", "different")]
    with pytest.raises(UsageError, match="contradict"):
        found(data, decisions=said)
    with pytest.raises(UsageError, match="`nobody`"):
        found(data, decisions=[Decision("nobody", "r1-0", "same")])


def test_sources_that_hold_each_person_once():
    """Two lists without duplicates are linked one to one: a second record of a list is never drawn in."""
    made = rows(people=80, copies=2)
    for record in made:
        record["source"] = "crm" if record["id"].endswith("-0") else "shop"
    data = table(made)
    matched = found(data)
    assert matched.exclusive == ("crm", "shop")
    assert all(len({name.split("-")[1] for name in each}) == len(each) for each in people_of(matched))
    never = found(data, MatchSettings(exclusive_sources=[]))
    assert never.exclusive == ()


def test_a_family_at_one_address_is_several_people():
    """Spouses and children share address, phone and name, and stay apart."""
    data = families()
    accuracy = found(data).accuracy(data["cluster"].to_pylist())
    assert accuracy.precision == 1
    assert accuracy.recall > 0.97


def test_a_family_that_is_not_told_apart_is_noticed(monkeypatch):
    """Control: were two people of a household as alike in what is personal as one person, somebody would be wrong."""
    monkeypatch.setattr(learning, "_TWINS", 1.0)
    data = families()
    assert found(data).accuracy(data["cluster"].to_pylist()).f1 < 0.9


def test_an_order_of_rows_that_matters_is_noticed(small, monkeypatch):
    """Control: records in the order of the table are sampled otherwise when that is another."""
    data, matched = small
    monkeypatch.setattr(records, "_canonical", lambda *_: np.arange(data.num_rows))
    again = found(data.take(list(range(data.num_rows))[::-1]))
    assert not outcome.scored(again).equals(outcome.scored(matched))


def test_chances_add_up(small):
    """In each class and context the chances of the levels are one, and the shares of the classes are."""
    _, matched = small
    model = matched.model
    assert model.shares.sum() == pytest.approx(1)
    for comparison, chances in zip(model.comparisons, model.chances, strict=True):
        assert (chances[:, 0] == 1).all()
        for block in comparison.blocks():
            assert chances[:, block].sum(axis=1) == pytest.approx(np.ones(4), abs=1e-6)


def test_what_is_said_is_what_is_right(shared_data):
    """Of pairs said to be one person with about some probability, about that share is: over a set with many doubtful ones."""
    data = pq.read_table(shared_data / "people" / "synth100k.parquet")
    homes = data["household"].to_pylist()
    kept = data.filter(pa.array([records.hash_of(home) % 25 == 0 for home in homes]))
    matched = bootstrap.match_table(kept, DEFAULTS, ignored=("cluster", "household"))
    truth = truth_of(matched.records, kept["cluster"].to_pylist())
    scored = matched.scored
    right = truth[scored.a] == truth[scored.b]
    sure = (scored.probability >= 0.95) & (scored.probability < 0.995)
    assert sure.sum() > 300
    assert right[sure].mean() > 0.9
    doubtful = (scored.probability > 0.1) & (scored.probability < 0.9)
    assert 0.1 < right[doubtful].mean() < 0.9


def test_the_weighted_model_adds_up_what_is_stated(small):
    """The specification's weights and thresholds, with missing values left out or counted as different."""
    data, _ = small
    matched = found(data, MatchSettings(model="weighted"))
    assert matched.model is None
    assert matched.scored.probability.min() >= 0.70
    strict = found(data, MatchSettings(model="weighted", weights=Weights(missing="zero")))
    assert len(strict.scored.a) < len(matched.scored.a)
    with pytest.raises(UsageError, match="nothing learned"):
        explanation.explain(matched, "r0-0", "r0-1")


def test_an_explanation_adds_up(small):
    """The steps of a pair lead from the share of such pairs to its score, which is the score it was listed with."""
    _, matched = small
    row = outcome.scored(matched).to_pylist()[0]
    told = explanation.explain(matched, row["record_a"], row["record_b"])
    assert told.steps[-1].sum == pytest.approx(told.score)
    assert told.score == pytest.approx(row["score"])
    assert {step.field for step in told.steps} <= {"", *(field.column for field in matched.fields)}
    with pytest.raises(UsageError, match="no record `x`"):
        explanation.explain(matched, "x", row["record_a"])


def test_the_report_shows_no_values_and_reaches_nowhere(small):
    """One page without a foreign host, and without a name, address or number of anybody."""
    data, matched = small
    accuracy = matched.accuracy(data["cluster"].to_pylist())
    page = report.page(matched, title="<people>.csv", accuracy=accuracy, curve=[(1.0, accuracy)])
    assert "&lt;people&gt;.csv" in page
    assert "://" not in page
    assert "src=" not in page
    for column in ("email", "phone", "last_name", "dob"):
        assert not any(value in page for value in data[column].to_pylist() if value)


def test_what_columns_hold_is_guessed_and_can_be_stated():
    """Names and values tell; what is stated counts, and what does not exist is refused."""
    made = rows(people=20)
    data = table([{**record, "household": "h", "x1": record["email"], "note": "n"} for record in made])
    kinds = {field.column: field.kind for field in bootstrap.match_table(data, DEFAULTS, ignored=["cluster"]).fields}
    assert kinds["first_name"] == "given_name"
    assert kinds["x1"] == "email"
    assert kinds["id"] == "record_id"
    assert kinds["cluster"] == kinds["household"] == kinds["note"] == "ignored"
    with pytest.raises(UsageError, match="no column `surname`"):
        found(data, MatchSettings(fields={"surname": "family_name"}))
    with pytest.raises(ConfigurationError, match="not a kind of field"):
        match_settings.read(b"fields: {city: town}", "identity.yaml")
    with pytest.raises(ConfigurationError, match=r"identity\.yaml.*stopp"):
        match_settings.read(b"match: {stopp: 1}", "identity.yaml")
    assert match_settings.read(b"match: {stop: 1, weights: {auto: 0.9}}", "x").weights.auto == 0.9


@pytest.mark.parametrize(
    "columns",
    [{}, {"cluster": ["1", "2"]}, {"first_name": ["Ann", "Ann"]}, {"first_name": [None, ""], "email": ["", None]},
     {"first_name": pa.array([], pa.string())}],
    ids=["none", "truth only", "all equal", "all empty", "no rows"],
)  # fmt: skip
def test_tables_that_tell_nobody_apart(columns):
    """The answer says so, and what to do."""
    with pytest.raises(UsageError, match="tells people apart"):
        found(pa.table(columns))


def test_one_column_joins_nobody_by_a_common_name():
    """A table of given names only has few pairs that are one person."""
    names = [["ann", "bob", "carl", "dora"][n % 4] for n in range(400)]
    matched = found(pa.table({"first_name": names}))
    assert np.unique(matched.person, return_counts=True)[1].max() < 400


def test_many_copies_and_equal_names_stay_small():
    """100,000 copies of one record, or 100,000 equal names, take pairs in proportion to the records, and make no giant."""
    count = 100_000
    copies = pa.table({"first_name": ["ann"] * count + ["bob"], "email": ["a@b.example"] * count + ["b@b.example"]})
    equal = pa.table({"first_name": ["ann"] * count, "last_name": [f"n{n % 50_000}" for n in range(count)]})
    for data in (copies, equal):
        matched = found(data)
        assert matched.looked_at < 40 * count
        assert np.unique(matched.person, return_counts=True)[1].max() <= 500


def test_blocks_over_the_limit_are_divided():
    """A value of all records gives no pair by itself; with a second value it does."""
    data = pa.table({"city": ["Graz"] * 3_000 + ["Lyon"], "last_name": [f"n{n % 1_500}" for n in range(3_001)]})
    read = records.read(data, fields.guess({n: records.sample(data[n]) for n in data.column_names}, {}, {}), None)
    pairs = blocking.choose(read).pairs
    assert 1_500 <= len(pairs) < 40 * 3_001
    assert (np.diff(pairs) > 0).all()


def test_a_file_of_mixed_forms(tmp_path):
    """Encodings, separators, five forms of dates and empty strings: the command's way in reads them."""
    forms = ("{y}-{m:02}-{d:02}", "{d:02}.{m:02}.{y}", "{m}/{d}/{y}", "{d} {name} {y}", "{y}{m:02}{d:02}")
    names = [None, "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
             "November", "December"]  # fmt: skip
    lines = ["id;Vorname;Nachname;Geburtsdatum;E-Mail;cluster"]
    for number, record in enumerate(rows(people=60)):
        y, m, d = map(int, record["dob"].split("-"))
        born = forms[number % 5].format(y=y, m=m, d=d, name=names[m])
        lines.append(";".join((record["id"], record["first_name"], record["last_name"] + "ü", born, record["email"] or "",
                               record["cluster"])))  # fmt: skip
    path = Path(tmp_path / "people.csv")
    path.write_bytes("\r\n".join(lines).encode("cp1252"))
    found_in_file = bootstrap.match_file(path, truth="cluster")
    assert found_in_file.accuracy is not None
    assert found_in_file.accuracy.precision > 0.99
    assert found_in_file.accuracy.recall > 0.95
    assert [stop for stop, _ in found_in_file.curve] == sorted(stop for stop, _ in found_in_file.curve)


def test_results_are_written(tmp_path, small):
    """Who is who and the pairs, as Parquet or CSV; ids and levels only."""
    data, matched = small
    pq.write_table(data, tmp_path / "people.parquet")
    told = bootstrap.match_file(tmp_path / "people.parquet", truth="cluster")
    written = told.write(tmp_path / "who.parquet", tmp_path / "report.html")
    assert [path.name for path in written] == ["who.parquet", "who.pairs.parquet", "report.html"]
    who = pq.read_table(tmp_path / "who.parquet")
    assert who.column_names == ["record", "person", "probability", "records_of_person", "household"]
    assert who["record"].to_pylist() == data["id"].to_pylist()
    pairs = pq.read_table(tmp_path / "who.pairs.parquet")
    assert {"record_a", "record_b", "score", "probability", "one_person", "level_email"} <= set(pairs.column_names)
    assert told.write(tmp_path / "who.csv", None)[1].read_text().startswith('"record_a"')
    with pytest.raises(UsageError, match=r"\.parquet or \.csv"):
        told.write(tmp_path / "who.xls", None)
    assert msgspec.to_builtins(told.accuracy)["true_people"] == 60
    assert len(people_of(matched)) == len(told.sizes())


def test_frames_of_other_libraries(small):
    """Arrow and Polars give the same; what is not a table is refused."""
    data, matched = small
    found_in_frame = onefold.match(pl.from_arrow(data), ignored=["cluster"])
    assert found_in_frame.people().equals(outcome.people(matched))
    assert found_in_frame.pairs().equals(outcome.scored(matched))
    assert repr(found_in_frame).startswith("<Match(records=180")
    with pytest.raises(UsageError, match="not list"):
        onefold.match([1, 2])
