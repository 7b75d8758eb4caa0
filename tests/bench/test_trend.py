"""The soak's judge: a planted leak is caught, what only looks like one is not."""

import random

import pytest
from bench.soaking import discrepancies
from bench.trend import leaks_files, leaks_memory, trend

TWO_HOURS = [10.0 * n for n in range(720)]


def series(level, per_hour=0.0, noise=1.0, seed=1):
    """Resident memory as it looks: a level, a slope, a saw-tooth of the collector's and noise."""
    draw = random.Random(seed)
    return [(at, level + per_hour * at / 3600 + at % 90 / 30 + draw.gauss(0, noise)) for at in TWO_HOURS]


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_leak_is_caught(seed):
    """1.5 % an hour on 200 MB, under noise as large as half an hour of it."""
    found = trend(series(200, 3.0, noise=1.5, seed=seed))
    assert leaks_memory(found)
    assert found.percent_per_hour == pytest.approx(1.5, abs=0.3)


@pytest.mark.parametrize("seed", range(5))
def test_a_level_is_no_leak(seed):
    """Neither noise, nor a saw-tooth, nor half a per cent an hour."""
    assert not leaks_memory(trend(series(200, 0.0, noise=3, seed=seed)))
    assert not leaks_memory(trend(series(200, 1.0, noise=1, seed=seed)))


def test_caches_that_fill_up_and_single_peaks_are_no_leak():
    """The warm-up is left out, and a median does not mind some wild samples."""
    warm = [(at, figure - max(0.0, 60 - at / 20)) for at, figure in series(200)]
    assert not leaks_memory(trend(warm))
    wild = [(at, figure + (500 if n % 40 == 39 else 0)) for n, (at, figure) in enumerate(series(200))]
    assert not leaks_memory(trend(wild))
    mean = sum(figure for _, figure in wild) / len(wild)
    assert mean > 210, "the control: a mean would have minded"


def test_the_warm_up_matters():
    """The control: with it counted in, the same filling caches would be taken for a leak."""
    warm = [(at, figure - max(0.0, 60 - at / 30)) for at, figure in series(200)]
    assert trend(warm, warm_up=0.0).percent_per_hour > trend(warm).percent_per_hour + 1


def test_one_more_file_is_no_leak_and_one_each_ten_minutes_is():
    """A file opened once for all makes no slope; files that are never closed do."""
    assert not leaks_files(trend([(at, 31.0 + (at > 4_000)) for at in TWO_HOURS]))
    assert leaks_files(trend([(at, 31.0 + at // 600) for at in TWO_HOURS]))


def test_too_few_samples_say_nothing():
    """No verdict rather than a wrong one."""
    with pytest.raises(ValueError, match="too few"):
        trend(series(200)[:12])
    with pytest.raises(ValueError, match="no samples"):
        trend([])


TOLD = {"stored": 100, "duplicate": 10, "retried": 5, "rejected": 3, "loaded": 20}
WEB = {"stored": 100, "duplicate": 12, "rejected": 3, "balanced": True}
CRM = {"stored": 20, "duplicate": 0, "rejected": 0, "balanced": True}


def test_an_account_that_equals_the_ledger_passes():
    """Requests whose answer was not heard may have been taken: that many more duplicates are right."""
    assert discrepancies({"web": WEB, "crm": CRM}, TOLD) == []


@pytest.mark.parametrize(
    "planted",
    [{"stored": 99}, {"stored": 101}, {"duplicate": 9}, {"duplicate": 16}, {"rejected": 2}, {"balanced": False}],
)
def test_one_event_lost_or_counted_twice_is_caught(planted):
    """In either direction, of each outcome."""
    assert len(discrepancies({"web": WEB | planted, "crm": CRM}, TOLD)) == 1


def test_a_row_lost_is_caught():
    """Loads are in the ledger, too."""
    assert len(discrepancies({"web": WEB, "crm": CRM | {"stored": 19}}, TOLD)) == 1
