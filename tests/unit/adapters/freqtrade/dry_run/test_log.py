from cfsm.adapters.freqtrade.dry_run import log as module
from cfsm.adapters.freqtrade.dry_run.log import BotLog

RAISED = "2025-04-08 00:00:00 - freqtrade.strategy.strategy_wrapper - ERROR - Unexpected error\n"


def test_what_the_strategy_raised_is_counted_once(tmp_path):
    path = tmp_path / "bot.log"
    path.write_text("ready\n" + RAISED * 2)
    log = BotLog(path)

    assert log.strategy_errors() == 2
    assert log.strategy_errors() == 2
    with path.open("a") as more:
        more.write(RAISED)
    assert log.strategy_errors() == 3


def test_a_log_that_grows_too_large_is_cut_and_what_was_counted_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 1_000)
    path = tmp_path / "bot.log"
    log = BotLog(path)
    with path.open("ab") as writer:
        writer.write(RAISED.encode() * 20)
        writer.flush()
        log.shorten()
        writer.write(b"after\n")

    assert path.read_bytes() == b"after\n"
    assert (tmp_path / "bot.log.1").stat().st_size == 1_000
    assert log.strategy_errors() >= 10


def test_the_last_line_is_why_a_bot_ended(tmp_path):
    path = tmp_path / "bot.log"
    assert BotLog(path).last_line() == ""
    path.write_bytes(b"one\nConfiguration error: \xff\n\n")

    assert BotLog(path).last_line() == "Configuration error: \ufffd"
