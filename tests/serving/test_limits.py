"""Rate limits (GCRA): who keeps the pace passes, who does not waits, and nobody pays for another."""

from hypothesis import given, settings
from hypothesis import strategies as st

from onefold.serving.limits import DEFAULT_LIMITS, NO_LIMITS, Limit, Limiter


def passed(limiter, times, key="k"):
    return sum(limiter.wait_seconds("w", key, "ingest", at) == 0.0 for at in times)


@settings(max_examples=30)  # a flood of ten minutes is up to a million requests
@given(st.integers(60, 6_000), st.integers(2, 20))
def test_a_flood_gets_the_limit_within_one_percent(per_minute, over):
    """However hard somebody pushes, over ten minutes they get their rate, give or take 1 % and one burst."""
    limiter = Limiter({"ingest": Limit(per_minute, burst=1)})
    seconds = 600
    step = 60 / per_minute / over
    got = passed(limiter, (n * step for n in range(int(seconds / step))))
    assert abs(got - per_minute * 10) <= per_minute * 10 * 0.01 + 1


@given(st.integers(1, 1_000))
def test_who_keeps_the_pace_never_waits(per_minute):
    """Requests exactly at the limit all pass."""
    limiter = Limiter({"ingest": Limit(per_minute)})
    assert passed(limiter, (n * 60 / per_minute for n in range(200))) == 200


def test_the_wait_is_the_truth():
    """Whoever waits as long as they were told passes; whoever comes a moment before does not."""
    limiter = Limiter({"ingest": Limit(60, burst=1)})
    assert limiter.wait_seconds("w", "k", "ingest", 0.0) == 0.0
    wait = limiter.wait_seconds("w", "k", "ingest", 0.2)
    assert limiter.wait_seconds("w", "k", "ingest", 0.2 + wait - 0.01) > 0
    assert limiter.wait_seconds("w", "k", "ingest", 0.2 + wait) == 0.0


def test_one_key_does_not_pay_for_another():
    """A flood on one key leaves the others, and the other operations, alone."""
    limiter = Limiter({"ingest": Limit(10), "lookup": Limit(10)})
    passed(limiter, [0.0] * 1_000, key="loud")
    assert passed(limiter, [0.0], key="quiet") == 1
    assert limiter.wait_seconds("w", "loud", "lookup", 0.0) == 0.0


def test_a_bucket_that_forgets_time_is_found_out():
    """Control: a limiter that counts per whole minute lets twice the rate through around the full minute."""

    class Naive(Limiter):
        def wait_seconds(self, workspace, key, operation, now_seconds):
            counts = self.__dict__.setdefault("counts", {})
            minute = int(now_seconds // 60)
            counts[minute] = counts.get(minute, 0) + 1
            return 0.0 if counts[minute] <= 60 else 1.0

    times = [59.0 + n / 100 for n in range(200)]
    assert passed(Naive({"ingest": Limit(60)}), times) == 120
    assert passed(Limiter({"ingest": Limit(60, burst=1)}), times) <= 3


def test_the_defaults_are_the_specifications():
    """100 ingest requests, 300 look-ups and 30 source and webhook operations a minute; all can be off."""
    assert {name: limit.per_minute for name, limit in DEFAULT_LIMITS.items() if name not in {"judgement", "query"}} == {
        "ingest": 100, "lookup": 300, "source": 30, "webhook": 30,
    }  # fmt: skip
    assert passed(Limiter(NO_LIMITS), [0.0] * 10_000) == 10_000
