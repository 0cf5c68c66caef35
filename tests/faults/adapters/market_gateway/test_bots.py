"""A bot's folder on a disk that is full, and a clock that jumps: nothing is lost, and it is said what to do."""

import pytest

from cfsm.adapters.freqtrade.dry_run import processes as module
from cfsm.adapters.freqtrade.dry_run.bots import DryRunBots
from cfsm.adapters.freqtrade.dry_run.folder import ClockFile, read_progress, write_progress
from cfsm.application.bots import BotWanted
from cfsm.application.errors import Misconfigured, TryAgain
from cfsm.domain.evaluation import Conditions
from cfsm.domain.forward_test import Source
from cfsm.domain.trading_mode import Mode
from tests.fakes.disks import small_disk
from tests.fakes.forward_tests import span


def wanted(source=b"x"):
    return BotWanted("bot", "BotStrategy", source, None, Conditions("any"), Source.REPLAY, span(), Mode.SHADOW)


def bots_in(folder):
    return DryRunBots(folder, lambda: 4711, lambda _: ("BTC/USDT:USDT",), memory_mb=1024)


@pytest.fixture(autouse=True)
def _caged(monkeypatch):
    monkeypatch.setattr(module, "missing_for_bots", list)


def test_on_a_full_disk_no_bot_starts_and_it_is_tried_again(tmp_path):
    with small_disk(tmp_path / "disk", 1) as disk, pytest.raises(TryAgain, match="disk is full"):
        bots_in(disk).start(wanted(b"#" * 4_000_000))


def test_a_strategy_that_was_half_written_is_written_again(tmp_path):
    with small_disk(tmp_path / "disk", 1) as disk:
        with pytest.raises(TryAgain):
            bots_in(disk).start(wanted(b"#" * 4_000_000))
        assert not (disk / "bot" / "strategy").exists()

        bots_in(disk).start(wanted(b"pass")).stop()
        assert (disk / "bot" / "strategy" / "BotStrategy.py").read_bytes() == b"pass"


def test_a_folder_that_may_not_be_written_is_a_persons_to_mend(tmp_path):
    (tmp_path / "bot").write_text("a file where a folder should be")

    with pytest.raises(Misconfigured, match="cannot be used"):
        bots_in(tmp_path).start(wanted())


def test_where_bots_cannot_be_caged_none_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "missing_for_bots", lambda: ["Landlock: the kernel has none"])

    with pytest.raises(Misconfigured, match="Landlock"):
        bots_in(tmp_path).start(wanted())
    assert list(tmp_path.iterdir()) == []


def test_a_clock_file_that_was_torn_begins_anew(tmp_path):
    clock = ClockFile(tmp_path)
    assert clock.read() is None
    descriptor = clock.open()
    clock.write(descriptor, 1_744_070_400_000_000_000)
    assert clock.read() == 1_744_070_400_000_000_000

    (tmp_path / "clock").write_bytes(b"123")
    assert clock.read() is None


@pytest.mark.parametrize("content", [b"", b"\xff", b"[1]", b"7", b"{" * 100_000])
def test_progress_that_makes_no_sense_is_none(tmp_path, content):
    write_progress(tmp_path, {"state": "running"})
    assert read_progress(tmp_path) == {"state": "running"}

    (tmp_path / "progress.json").write_bytes(content)
    assert read_progress(tmp_path) == {}
