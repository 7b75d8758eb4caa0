"""Computed traits from YAML to a person's profile, the command line, HTTP and Python, beside a running server."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from tests.running import Server, project
from typer.testing import CliRunner

import onefold
from onefold import bootstrap, config
from onefold.cli import app
from onefold.errors import ConfigurationError, NotFoundError

pytestmark = pytest.mark.xdist_group("server")

TRAITS = """
traits:
  lifetime_value: {sum: Order Completed.revenue, description: All orders, owner: marketing}
  euros: {sum: Order Completed.revenue, currency: EUR}
  orders: {count: Order Completed}
  last_order_at: {last: Order Completed}
"""


def order(number, who, revenue, at, **more):
    said = {"revenue": revenue, **more}
    return {"type": "track", "event": "Order Completed", "userId": who, "messageId": str(number), "timestamp": at,
            "properties": said}  # fmt: skip


@pytest.fixture(scope="module")
def server():
    """A project whose traits are stated after its first events."""
    with project() as here:
        with here.server():
            batch = [order(1, "ann", 12.3, "2026-01-05T10:00:00Z"), order(2, "bob", 4, "2026-02-05T10:00:00Z")]
            assert Server(here).post("/v1/batch", {"batch": batch}) == 200
            Server(here).account()
        (here.directory / "traits").mkdir()
        (here.directory / "traits" / "shop.yaml").write_text(TRAITS)
        with here.server():
            batch = [
                order(3, "ann", "0.70", "2026-03-05T10:00:00Z"),
                order(4, "ann", 5, "2026-03-06T10:00:00Z", currency="EUR"),
            ]
            assert Server(here).post("/v1/batch", {"batch": batch}) == 200
            Server(here).account()
            yield Server(here)


def run(server, *words):
    done = CliRunner().invoke(app, ["traits", *words, "--project", str(server.here.directory), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_trait_is_filled_in_beside_the_stream_and_shown(server):
    """What happened before it was stated counts, money is of one currency, and the profile has it."""
    until = time.monotonic() + 60
    while {trait["status"] for trait in run(server)["traits"]} != {"live"}:
        assert time.monotonic() < until, "the past of the traits was not filled in"
        time.sleep(0.2)
    with onefold.open(server.here.directory) as opened:
        found = opened.profile("user_id:ann").traits
    assert {name: trait.value for name, trait in found.items()} == {
        "lifetime_value": "13.00", "euros": "5", "orders": 3, "last_order_at": "2026-03-06T10:00:00.000Z",
    }  # fmt: skip


def test_a_trait_as_of_a_past_moment(server):
    """By what had happened by then."""
    found = run(server, "preview", "lifetime_value", "--as-of", "2026-02-01")
    assert (found["people"], found["least"], found["greatest"]) == (1, "12.3", "12.3")
    with onefold.open(server.here.directory) as opened:
        now = {row["lifetime_value"] for row in opened.traits["lifetime_value"].values()}
        then = opened.traits.values(as_of=datetime(2026, 2, 10, tzinfo=UTC)).arrow().to_pylist()
        assert now == {Decimal("13.00"), Decimal(4)}
        assert sorted(row["orders"] for row in then) == [1, 1]
        with pytest.raises(NotFoundError, match="did you mean `orders`"):
            opened.traits["order"]


def test_traits_are_asked_in_sql(server):
    """By name, beside the other relations."""
    directory = str(server.here.directory)
    query = "SELECT orders, count(*) AS people FROM trait GROUP BY orders ORDER BY orders"
    done = CliRunner().invoke(app, ["sql", query, "--project", directory, "--json"])
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"orders": 1, "people": 1}, {"orders": 3, "people": 1},
    ]  # fmt: skip
    listed = CliRunner().invoke(app, ["describe", "golden.trait", "--project", directory])
    assert "lifetime_value" in listed.stdout


def test_a_trait_names_the_segments_that_read_it(server):
    """So that nobody removes it unawares; without it, the project is refused, with the segment's name."""
    folder = server.here.directory / "segments"
    folder.mkdir()
    (folder / "loyal.yaml").write_text("segments: {loyal: {rule: trait.orders >= 2}}")
    with bootstrap.project_segments(server.here.directory, None, start=True) as segments:
        segments.apply()
    assert run(server, "show", "orders")["read_by"] == ["segment loyal"]
    stated = server.here.directory / "traits" / "shop.yaml"
    stated.write_text(TRAITS.replace("orders:", "order_count:"))
    try:
        with pytest.raises(ConfigurationError, match=r"loyal.*trait.orders"):
            config.read_project(server.here.directory)
    finally:
        stated.write_text(TRAITS)
        (folder / "loyal.yaml").unlink()


def test_http_has_the_definitions(server):
    """With what each means, in English."""
    status, found = server.get("/api/v1/traits/orders")
    assert (status, found["kind"]) == (200, "number")
    assert "Order Completed" in found["means"]


@pytest.mark.parametrize("template", config.TEMPLATES)
def test_the_traits_of_each_template_can_be_used(template, tmp_path):
    """Those that `onefold init` writes are read without a fault."""
    bootstrap.init(tmp_path / "p", template)
    assert len(config.settings(config.read_project(tmp_path / "p")).profiles.traits) >= 14


def test_a_trait_that_a_stage_reads_cannot_be_removed(tmp_path):
    """The stage is named, and nothing starts with half of it."""
    bootstrap.init(tmp_path / "p", "shop")
    text = (tmp_path / "p" / "profile.yaml").read_text().replace('"purchases >= 3"', '"trait.order_cuont >= 3"')
    (tmp_path / "p" / "profile.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"`loyal`.*did you mean `trait.order_count`"):
        config.settings(config.read_project(tmp_path / "p"))
