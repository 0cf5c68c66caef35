"""Log lines."""

import io
import json
import logging
import warnings

import pytest
import structlog
from structlog.contextvars import bound_contextvars

from cfsm.adapters.logging import configure
from cfsm.adapters.supervisor.output import Terminal


@pytest.fixture
def stream():
    root = logging.getLogger()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    yield io.StringIO()
    structlog.reset_defaults()
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = raises


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_json_line_has_the_factorys_fields(stream):
    configure("backtester", json=True, stream=stream)

    with bound_contextvars(STRATEGY_ID="s-1", RUN_ID="7", EVENT="Backtested", CORRELATION_ID="c-1"):
        structlog.get_logger("cfsm.workers").info("backtest recorded", profit_factor="≥ 1.3")

    (line,) = lines(stream)
    assert line.pop("time").endswith("Z")
    assert line == {
        "message": "backtest recorded",
        "level": "info",
        "logger": "cfsm.workers",
        "WORKER": "backtester",
        "STRATEGY_ID": "s-1",
        "RUN_ID": "7",
        "EVENT": "Backtested",
        "CORRELATION_ID": "c-1",
        "profit_factor": "≥ 1.3",
    }


def test_fields_belong_to_the_lines_of_other_libraries_too_and_end_with_their_block(stream):
    configure("backtester", json=True, stream=stream)
    freqtrade = logging.getLogger("freqtrade.optimize")

    with bound_contextvars(STRATEGY_ID="outer"):
        with bound_contextvars(STRATEGY_ID="inner", RUN_ID="r"):
            freqtrade.warning("no trades %s", "made")
        freqtrade.warning("outside", extra={"percent": 43})
    freqtrade.warning("at all")

    inner, outer, none = lines(stream)
    assert (inner["message"], inner["STRATEGY_ID"], inner["RUN_ID"]) == ("no trades made", "inner", "r")
    assert (outer["STRATEGY_ID"], outer["percent"], "RUN_ID" in outer) == ("outer", 43, False)
    assert "STRATEGY_ID" not in none


def test_an_exception_is_one_line_of_json(stream):
    configure("backtester", json=True, stream=stream)
    try:
        int("two\nlines")
    except ValueError:
        structlog.get_logger().exception("it failed")
        logging.getLogger("library").exception("it failed there")

    here, there = lines(stream)
    assert here["exception"].startswith("Traceback")
    assert here["exception"].endswith("'two\\nlines'")
    assert "\n" in here["exception"]
    assert there["exception"] == here["exception"]


def test_no_value_loses_the_line(stream):
    configure("backtester", json=True, stream=stream)

    structlog.get_logger().info("odd \udcff", large=2**70, thing=object, keys={1: 2}, number=float("nan"))

    (line,) = lines(stream)
    assert line["message"] == "odd \udcff"
    assert line["large"] == 2**70


def test_people_read_plain_lines_without_the_values_of_variables(stream):
    configure("backtester", json=False, stream=stream)
    secret = "hunter2"

    with bound_contextvars(STRATEGY_ID="s-1"):
        structlog.get_logger("cfsm").warning("backtest slow", seconds=3)
    try:
        int(secret)
    except ValueError:
        structlog.get_logger("cfsm").exception("it failed")

    text = stream.getvalue()
    first = text.splitlines()[0]
    for word in ("warning", "backtest slow", "[cfsm]", "STRATEGY_ID=s-1", "seconds=3"):
        assert word in first
    assert "\x1b" not in text
    assert "Traceback" in text
    assert text.count("hunter2") == 1, "in the error's own words, not among the variables"


def test_levels_below_the_one_asked_for_are_silent(stream):
    configure("backtester", json=True, level=logging.WARNING, stream=stream)

    structlog.get_logger().info("quiet")
    logging.getLogger("library").info("quiet too")
    structlog.get_logger().warning("loud")

    assert [line["message"] for line in lines(stream)] == ["loud"]


def test_warnings_are_lines_too(stream):
    configure("backtester", json=True, stream=stream)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old way", stacklevel=1)

    assert "old way" in lines(stream)[0]["message"]


def test_configuring_again_replaces_what_was_configured(stream):
    configure("first", json=True, stream=io.StringIO())
    configure("second", json=True, stream=stream)

    structlog.get_logger().info("hello")

    assert [line["WORKER"] for line in lines(stream)] == ["second"]


def test_lines_may_go_to_a_terminal_that_is_never_waited_for(stream, tmp_path):
    with (tmp_path / "out").open("wb") as out:
        configure("supervisor", json=False, stream=Terminal(out.fileno()))
        structlog.get_logger().info("worker ready", unit="backtester-1")

    assert "worker ready" in (tmp_path / "out").read_text()


def test_a_stream_that_is_gone_ends_nobody(stream):
    stream.close()
    configure("backtester", json=True, stream=io.StringIO())
    logging.getLogger().handlers[0].setStream(stream)

    structlog.get_logger().info("nobody reads this")
