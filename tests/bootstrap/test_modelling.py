"""The models of each template, from a project's first file to its marts, in the warehouse they ship for."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from typer.testing import CliRunner

from onefold import bootstrap
from onefold.cli import app
from onefold.errors import UsageError
from onefold.warehouse import views
from onefold.warehouse.query import parse

MAPPING = """\
type: track
event: Donation Completed
id: gift
timestamp: {column: day, as: date, formats: ["%Y-%m-%d"]}
identifiers: {donor_id: donor, email: mail}
traits: {email: mail, last_name: name}
properties:
  amount: {column: amount, as: decimal}
  gift_type: kind
  campaign: campaign
consent:
  email: {column: opt in, granted: [Y]}
"""
TODAY = datetime.now(UTC).date()


def _day(days: int) -> str:
    return (TODAY - timedelta(days=days)).isoformat()


GIFTS = [
    ("1", "d1", "ann@example.org", "Ann", "50.00", _day(20), "Recurring", "FALL26", "Y"),
    ("2", "d1", "ann@example.org", "Ann", "50.00", _day(50), "Recurring", "FALL26", "Y"),
    ("3", "d2", "bo@example.org", "Bo", "1200.50", _day(500), "Cash", "", "N"),
    ("4", "d3", "cy@example.org", "Cy", "20", _day(380), "Cash", "GALA", "Y"),
]


def _load(directory, gifts, name="gifts.csv"):
    (directory / "mappings").mkdir(exist_ok=True)
    (directory / "mappings" / "donors.yaml").write_text(MAPPING, encoding="utf-8")
    lines = ["gift,donor,mail,name,amount,day,kind,campaign,opt in", *(",".join(gift) for gift in gifts)]
    (directory / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    with bootstrap.opened(directory, None) as workspace:
        list(
            bootstrap.load_file(
                workspace.context,
                directory / name,
                source="donors",
                mapping=str(directory / "mappings" / "donors.yaml"),
            )
        )
        bootstrap.catch_up(workspace)


def _rows(directory, text):
    with bootstrap.open_warehouse(directory, None) as warehouse:
        return warehouse.run(parse(text)).to_pylist()


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    """A project of the media template with four gifts of three donors, its models built once."""
    directory = tmp_path_factory.mktemp("station")
    bootstrap.init(directory, "media")
    _load(directory, GIFTS)
    runs = {run.model: run for run in bootstrap.run_models(directory, None, ())}
    return directory, runs


def test_the_marts_of_a_station(station):
    """Each department finds its people, from gifts to status."""
    directory, runs = station
    assert {name: run.how for name, run in runs.items() if run.how != "built"} == {
        "marts.constituents": "checked", "marts.constituent_source_links": "checked", "marts.engagement_events": "checked",
    }  # fmt: skip
    members = _rows(
        directory, "SELECT membership_status, is_sustainer FROM marts.membership ORDER BY total_gift_count, 1"
    )
    assert [(m["membership_status"], m["is_sustainer"]) for m in members] == [
        ("grace", False), ("lapsed", False), ("active", True),
    ]  # fmt: skip
    (major,) = _rows(directory, "SELECT * FROM marts.development WHERE giving_level = 'mid_level'")
    assert str(major["total_lifetime_giving"]).rstrip("0") == "1200.5"
    campaigns = _rows(
        directory, "SELECT campaign_code, campaign_name, gift_count FROM dimensions.dim_campaign ORDER BY 1"
    )
    assert [tuple(row.values()) for row in campaigns] == [("FALL26", "Fall Drive 2026", 2), ("GALA", "GALA", 1)]
    (reach,) = _rows(directory, "SELECT sum(CASE WHEN may_email THEN 1 ELSE 0 END) AS n FROM marts.marketing")
    assert reach["n"] == 2


def test_the_calendar_of_a_station(station):
    """`dim_date` has the fiscal year and the drives of calendar.yaml, and gifts carry them."""
    directory, _ = station
    (day,) = _rows(directory, "SELECT * FROM dimensions.dim_date WHERE full_date = DATE '2026-10-07'")
    assert (day["fiscal_year"], day["pledge_drive_name"], day["is_holiday"]) == (2027, "Fall Drive 2026", False)
    given = date.fromisoformat(GIFTS[2][5])
    (gift,) = _rows(directory, "SELECT fiscal_year FROM marts.gifts WHERE amount > 1000")
    assert gift["fiscal_year"] == given.year + (given.month >= 7)


def test_profiles_by_the_names_of_profiles_sync(station):
    """Identifiers, traits and the identity graph answer by the names that other tools look for."""
    directory, _ = station
    found = _rows(directory, "SELECT type, count(*) AS n FROM profiles.user_identifiers GROUP BY type ORDER BY type")
    assert [tuple(row.values()) for row in found] == [("donor_id", 3), ("email", 3)]
    traits = _rows(directory, "SELECT name, value FROM profiles.user_traits ORDER BY name, value")
    assert ("last_name", "Bo") in [tuple(row.values()) for row in traits]
    graph = _rows(directory, "SELECT triggering_event_type, triggering_event_name FROM profiles.id_graph_updates")
    assert {tuple(row.values()) for row in graph} >= {("seen", "Donation Completed")}


def test_how_good_profiles_are(station):
    """Three of five facets, exact evidence, one source: 0.6 * 0.6 + 0.3."""
    directory, _ = station
    found = _rows(directory, "SELECT completeness, data_quality_score FROM golden.profile_quality")
    assert [tuple(row.values()) for row in found] == [(0.6, 0.66)] * 3


def test_every_relation_of_the_stream_gives_the_columns_it_promises(station):
    """Name by name and in order, of all views."""
    directory, _ = station
    with bootstrap.open_warehouse(directory, None) as warehouse:
        promised = {relation.full_name: relation for relation in warehouse.relations()}
        for view in views.VIEWS:
            table = warehouse.run(parse(f"SELECT * FROM {view.full_name}").limit(1))  # noqa: S608  our names
            assert table.column_names == [column.name for column in promised[view.full_name].columns]
            assert table.column_names[: len(view.columns)] == [column.name for column in view.columns]


def test_later_gifts_are_taken_in_by_increments(tmp_path):
    """A second run works out one person, and the marts are what a complete run makes of them."""
    bootstrap.init(tmp_path, "media")
    _load(tmp_path, GIFTS)
    list(bootstrap.run_models(tmp_path, None, ["tag:giving"]))
    # An address that two donors share: both are concerned, the third is not.
    _load(tmp_path, [("9", "d1", "bo@example.org", "Bo", "7", _day(3), "Cash", "", "Y")], "more.csv")
    made = {run.model: run for run in bootstrap.run_models(tmp_path, None, ["tag:giving"])}
    assert [made[name].how for name in ("marts.gifts", "marts.giving")] == ["increment"] * 2
    assert made["marts.giving"].keys == 2
    asked = "SELECT * FROM marts.giving ORDER BY constituent_id"
    by_increment = _rows(tmp_path, asked)
    list(bootstrap.run_models(tmp_path, None, ["tag:giving"], whole=True))
    assert by_increment == _rows(tmp_path, asked)


@pytest.mark.parametrize("template", ["education", "shop"])
def test_the_models_of_other_templates_run(tmp_path, template):
    """Empty as the project is, every statement of the template is one that the engine takes."""
    bootstrap.init(tmp_path, template)
    made = [run.how for run in bootstrap.run_models(tmp_path, None, ())]
    assert sorted(set(made)) == ["built", "checked"]


def _onefold(directory, *arguments):
    return CliRunner().invoke(app, [*arguments, "--project", str(directory)])


def test_lineage_goes_from_the_column_of_a_file_to_the_mart(station):
    """Upstream to the source's field, downstream to what it went into."""
    directory, _ = station
    told = json.loads(_onefold(directory, "lineage", "giving.total_lifetime_giving", "--json").stdout)

    def flat(nodes):
        return {(n["relation"], n["column"]) for n in nodes} | {x for n in nodes for x in flat(n["beneath"])}

    assert ("source donors", "amount") in flat(told["upstream"])
    assert ("marts.development", "total_lifetime_giving") in flat(told["downstream"])
    told = json.loads(_onefold(directory, "lineage", "profile.email", "--json").stdout)
    assert {("source donors", "mail"), ("source website", "traits.email")} <= flat(told["upstream"])
    assert ("marts.constituents", "canonical_email") in flat(told["downstream"])
    assert "source donors.mail" in _onefold(directory, "lineage", "profile.email").stdout


def test_classify_guesses_what_nobody_said(station):
    """What privacy.yaml says stands; the rest is guessed, and no value is shown."""
    directory, _ = station
    told = [json.loads(line) for line in _onefold(directory, "classify", "--json").stdout.splitlines()]
    by_name = {(one["where"], one["name"]): (one["class"], one["guess"]) for one in told}
    assert by_name["attributes", "email"] == ("identifier", "identifier")
    assert by_name["attributes", "last_name"] == (None, "personal")
    shown = _onefold(directory, "classify").stdout
    assert "last_name: personal" in shown
    assert not any(value in shown for value in ("ann@", "Cy", "1200"))


def test_a_wrong_model_is_told_with_its_line(tmp_path):
    """The command line says file, line and nearest word before anything is opened."""
    bootstrap.init(tmp_path, "shop")
    (tmp_path / "models" / "broken.sql").write_text("SELECT person,\n  revenu\nFROM golden.profile\n", encoding="utf-8")
    found = _onefold(tmp_path, "run")
    assert str(found.exception) == "models/broken.sql:2: there is no column `revenu`; did you mean `revenue`?"


def test_the_calendar_and_privacy_files_are_checked(tmp_path):
    """A holiday that never comes, a class of nothing: file, line, and what there is."""
    bootstrap.init(tmp_path, "shop")
    (tmp_path / "calendar.yaml").write_text('holidays:\n  - {name: X, when: "13-01"}\n', encoding="utf-8")
    assert "calendar.yaml:2: `holidays[0].when` is none of" in str(_onefold(tmp_path, "run").exception)
    (tmp_path / "privacy.yaml").write_text("columns:\n  golden.profil.stage: none\n", encoding="utf-8")
    assert "privacy.yaml:2: there is no relation `golden.profil`" in str(_onefold(tmp_path, "run").exception)


def test_views_are_asked_like_tables(station):
    """The project's views, and those for analysts, answer to `onefold sql` and are listed."""
    directory, _ = station
    found = _onefold(directory, "sql", "SELECT canonical_email FROM constituents ORDER BY 1", "--json").stdout
    assert [json.loads(line)["canonical_email"] for line in found.splitlines()] == [
        f"{n}@example.org" for n in ("ann", "bo", "cy")
    ]
    with bootstrap.asking(directory) as asker:
        listed = {facts.relation.full_name for facts in asker.tables()}
        assert {"marts.constituents", "analyst.profile", "analyst.membership", "golden.profile"} <= listed
        assert "attributes" not in asker.ask("SELECT * FROM analyst.constituents").column_names


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM golden.profile",
        "SELECT * FROM profile",
        "SELECT * FROM constituents",
        "SELECT traits FROM event",
        "SELECT value FROM golden.identity",
        "SELECT * FROM profiles.user_traits",
        "WITH a AS (SELECT * FROM golden.profile) SELECT attributes FROM a",
    ],
)
def test_a_role_sees_what_it_may(station, query):
    """With a role no name or address comes out, by whatever name a relation is asked; without one they do."""
    directory, _ = station
    with bootstrap.asking(directory) as asker:
        assert "bo@example.org" in str(asker.ask(query).to_pylist())
    with bootstrap.asking(directory, role="analyst") as asker:
        shown = str(asker.ask(query).to_pylist())
    assert not any(word in shown for word in ("example.org", "'Bo'", '"Bo"'))


@pytest.mark.parametrize(
    "query", ["SELECT * FROM query('SELECT * FROM golden.profile')", "SELECT * FROM query_table('golden.profile')"]
)
def test_a_role_cannot_go_round_its_mask(station, query):
    """Functions that read relations by a text are not for roles."""
    directory, _ = station
    with bootstrap.asking(directory, role="analyst") as asker, pytest.raises(UsageError):
        asker.ask(query)


def test_what_models_say_of_their_columns_is_checked(station):
    """Tests of a model are checks of what it makes, views too; one that does not hold fails."""
    directory, _ = station
    (directory / "models" / "wrong.sql").write_text("SELECT p.stage, p.primary_value FROM golden.profile AS p\n")
    described = "models:\n  wrong:\n    columns:\n      stage: {tests: [not_null, unique]}\n"
    (directory / "models" / "wrong.yaml").write_text(described)
    try:
        outcome = bootstrap.run_checks(directory, None, relation="marts.wrong", keep=False)
        assert {r.check: r.status for r in outcome.report.results} == {
            "not_null_stage": "passed",
            "unique_stage": "failed",
        }
        outcome = bootstrap.run_checks(directory, None, relation="marts.constituents", keep=False)
        assert {r.status for r in outcome.report.results} == {"passed"}
    finally:
        for kind in ("sql", "yaml"):
            (directory / "models" / f"wrong.{kind}").unlink()
