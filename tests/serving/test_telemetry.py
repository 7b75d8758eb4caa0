"""Log lines: JSON, and nothing in them that was not allowed."""

import io
import json
import logging

import pytest

from onefold import telemetry


@pytest.fixture
def lines():
    """Log through the product's formatter; gives back what was written, line by line."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(telemetry.JsonFormatter())
    logger = logging.getLogger("onefold.test")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield logger, lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)


def test_only_allowed_fields_are_written(lines):
    """A field nobody argued for does not appear, whatever it is called."""
    logger, written = lines
    logger.info("request", extra={"status": 200, "email": "ann@mail.test", "path": "/profiles/ann@mail.test"})
    (line,) = written()
    assert line["status"] == 200
    assert set(line) == {"at", "level", "logger", "message", "status"}


def test_an_exceptions_words_are_not_written(lines):
    """Its type and place are; its words can hold values, as can those of its causes and its source line."""
    logger, written = lines
    try:
        int("ann@mail.test")
    except ValueError:
        logger.exception("failed")
    (line,) = written()
    assert line["exception"] == "ValueError"
    assert "test_an_exceptions_words_are_not_written" in line["where"][-1]
    assert "ann@mail" not in json.dumps(line)


def test_arguments_of_a_message_are_not_written(lines):
    """A message is a constant; what somebody interpolates stays out."""
    logger, written = lines
    logger.info("found %s", "ann@mail.test")
    assert written()[0]["message"] == "found %s"


def test_the_plain_formatter_is_found_out(lines):
    """Control: the standard library's formatter writes all of it."""
    logger, _ = lines
    stream = io.StringIO()
    plain = logging.StreamHandler(stream)
    logger.addHandler(plain)
    logger.info("found %s", "ann@mail.test")
    logger.removeHandler(plain)
    assert "ann@mail.test" in stream.getvalue()


def test_no_value_breaks_a_line(lines):
    """Line breaks and things that are no JSON leave one object a line."""
    logger, written = lines
    logger.info("request", extra={"reason": 'a\nb"}', "source": object()})
    (line,) = written()
    assert (line["reason"], line["source"]) == ('a\nb"}', "object")


def test_the_request_under_way_stands_on_the_line(lines):
    """Inside a request its id is on every line."""
    logger, written = lines
    token = telemetry.request_id.set("r-1")
    logger.info("inside")
    telemetry.request_id.reset(token)
    logger.info("outside")
    inside, outside = written()
    assert inside["request"] == "r-1"
    assert "request" not in outside


def test_a_callers_id_is_kept_if_it_is_one():
    """Letters, digits, dot, dash and underscore, at most 64; anything else gets one of ours."""
    name = telemetry.request_ids("p")
    assert name("trace-1.a_B") == "trace-1.a_B"
    for strange in (None, "", "a b", "a\r\nSet-Cookie: x", "ä", "x" * 65):
        assert name(strange).startswith("p-")
    assert name(None) != name(None)


@pytest.fixture
def warnings():
    """A clock to set, a function that warns of a workspace, and what passed, as (workspace, repeated)."""
    clock, passed = [0.0], []
    quiet = telemetry.Repeats(lambda: clock[0])

    def warn(workspace, level=logging.WARNING):
        record = logging.makeLogRecord({"name": "onefold.x", "levelno": level, "msg": "away", "workspace": workspace})
        if quiet.filter(record):
            passed.append((workspace, record.__dict__.get("repeated", 0)))

    return clock, warn, passed


def test_a_warning_that_repeats_is_written_once_a_minute(warnings):
    """Of each workspace by itself; the next line says how many were left out."""
    clock, warn, passed = warnings
    for second in range(130):
        clock[0] = float(second)
        warn("amber")
        if second == 5:
            warn("beryl")
    assert passed == [("amber", 0), ("beryl", 0), ("amber", 59), ("amber", 59)]


def test_what_happened_in_a_request_and_what_is_no_warning_is_always_written(warnings):
    """The line of each request can be found by its id."""
    _, warn, passed = warnings
    for number in range(3):
        warn("amber", logging.INFO)
        token = telemetry.request_id.set(f"r-{number}")
        warn("amber")
        telemetry.request_id.reset(token)
    assert len(passed) == 6


def test_few_lines_are_remembered(warnings):
    """However many different warnings there are."""
    _, warn, passed = warnings
    for number in range(3 * telemetry.REPEATS_MAX):
        warn(f"w{number}")
    warn("w0")
    assert len(passed) == 3 * telemetry.REPEATS_MAX + 1
