"""What the edge counts comes out as Prometheus reads it."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from onefold.serving.measures import Measures


def samples(measures):
    """Every sample, by its name and what its labels say, in order of their names."""
    families = text_string_to_metric_families(measures.text(None).decode())
    return {(s.name, *(v for _, v in sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_a_server_that_answered_nothing_shows_nothing():
    """And neither name nor number of it."""
    assert samples(Measures()) == {}


def test_answers_are_counted_by_route_and_status_and_timed_by_route():
    """Buckets count all answers up to their bound, the bound included, so the last one counts all."""
    measures = Measures()
    for status, seconds in ((200, 0.0005), (200, 0.001), (200, 0.3), (503, 9.0)):
        measures.answered("/v1/track", status, seconds)
    measures.answered("/livez", 200, 0.002)
    found = samples(measures)
    assert found["onefold_http_requests_total", "/v1/track", "200"] == 3
    assert found["onefold_http_requests_total", "/v1/track", "503"] == 1
    bucket = "onefold_http_request_seconds_bucket"
    below = {le: found[bucket, le, "/v1/track"] for le in ("0.001", "0.0025", "0.25", "0.5", "5.0", "+Inf")}
    assert below == {"0.001": 2, "0.0025": 2, "0.25": 2, "0.5": 3, "5.0": 3, "+Inf": 4}
    assert found["onefold_http_request_seconds_count", "/v1/track"] == 4
    assert found["onefold_http_request_seconds_sum", "/v1/track"] == pytest.approx(9.3015)
    assert found["onefold_http_request_seconds_count", "/livez"] == 1


def test_entries_are_counted_by_workspace():
    """Each append adds its items."""
    measures = Measures()
    measures.appended("main", 3)
    measures.appended("main", 100)
    measures.appended("other", 1)
    assert samples(measures) == {
        ("onefold_collect_entries_total", "main"): 103,
        ("onefold_collect_entries_total", "other"): 1,
    }
