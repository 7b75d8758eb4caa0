"""The server that benches and tests share starts on a machine of any speed."""

import subprocess

import pytest

from bench import postgres


def starting(*failures):
    """A start that fails so before it succeeds."""
    left = list(failures)

    def start():
        if left:
            raise left.pop(0)
        return "running"

    return start


SLOW = subprocess.TimeoutExpired("pg_ctl", 10)


def test_a_server_that_takes_long_is_waited_for():
    """Neither the wheel's ten seconds nor its word that the server is not ready end the wait."""
    assert postgres.patiently(starting(SLOW, AssertionError("not ready"), SLOW)) == "running"


def test_a_server_that_never_starts_is_an_error(monkeypatch):
    """Control: the wait has an end."""
    monkeypatch.setattr(postgres, "_START_SECONDS", 0.0)
    with pytest.raises(subprocess.TimeoutExpired):
        postgres.patiently(starting(SLOW, SLOW))


def test_a_start_that_is_refused_is_not_tried_again():
    """What will not change by waiting is told at once."""
    with pytest.raises(subprocess.CalledProcessError):
        postgres.patiently(starting(subprocess.CalledProcessError(1, "pg_ctl")))
