"""A figure is one JSON line with seven keys, and a bench that measures nothing fails."""

import io
import json
import sys
import types

import pytest
from bench.__main__ import main
from bench.report import Figure, line, parse, print_table
from rich.console import Console

FIGURE = Figure(
    bench="collect", metric="single_per_s", value=3000.0, unit="req/s", beside="bare app", beside_value=4000.0
)


def test_line_has_the_promised_keys():
    """Scripts read these seven names."""
    assert json.loads(line(FIGURE)) == {
        "bench": "collect",
        "metric": "single_per_s",
        "value": 3000.0,
        "unit": "req/s",
        "beside": "bare app",
        "beside_value": 4000.0,
        "ratio": 0.75,
    }
    assert parse(line(FIGURE)) == FIGURE


def test_without_a_peer_there_is_no_ratio():
    """No peer, or a peer of zero, gives null and not an error."""
    lone = Figure(bench="stream", metric="resident_mb", value=120.0, unit="MB")
    assert json.loads(line(lone))["ratio"] is None
    assert Figure(bench="a", metric="b", value=1, unit="s", beside="x", beside_value=0.0).ratio is None


def test_table_shows_value_peer_and_ratio():
    """People see the number, what it is held against, and how it compares."""
    out = io.StringIO()
    print_table([FIGURE], Console(file=out, width=120))
    assert all(word in out.getvalue() for word in ("3,000", "bare app (4,000)", "0.75"))


@pytest.mark.parametrize(("figures", "code"), [([FIGURE], 0), ([], 1)])
def test_a_bench_without_figures_fails(monkeypatch, capsys, figures, code):
    """Zero checked is red: an empty bench is a failure, not a pass."""
    module = types.ModuleType("bench.collect")
    module.run = lambda full: iter(figures)
    monkeypatch.setitem(sys.modules, "bench.collect", module)
    assert main(["collect", "--json"]) == code
    assert len(capsys.readouterr().out.splitlines()) == len(figures)
