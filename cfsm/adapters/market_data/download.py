"""Freqtrade's downloader, run as a program of its own: it fetches candles, marks and funding rates."""

import os
import re
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from typing import Any

import orjson

from cfsm.application.errors import Misconfigured, TryAgain
from cfsm.application.progress import Progress

_LINES_KEPT = 400
_FETCHED = re.compile(r"Downloaded data for (?P<series>.+) with length")
_UNREACHABLE = (
    "ExchangeNotAvailable",
    "NetworkError",
    "RequestTimeout",
    "Cannot connect to host",
    "Temporary failure in name resolution",
    "Markets were not loaded",
)


@dataclass(frozen=True)
class Wanted:
    """What to download. ``timerange`` is Freqtrade's, as in 20250101-20250401."""

    exchange: str
    pairs: tuple[str, ...]
    timeframes: tuple[str, ...]
    timerange: str


@dataclass(frozen=True)
class Downloader:
    """Runs ``freqtrade download-data`` for at most ``timeout_seconds``.

    ``exchange_settings`` are merged into the section ``exchange`` of Freqtrade's configuration (proxies, urls).
    """

    command: Sequence[str] = (sys.executable, "-m", "freqtrade")
    exchange_settings: Mapping[str, Any] | None = None
    timeout_seconds: float = 3600.0

    def fetch(self, wanted: Wanted, datadir: Path, progress: Progress) -> None:
        """Download into ``datadir/futures``. Raise TryAgain without a network, Misconfigured for anything else."""
        series_count = len(wanted.pairs) * (len(wanted.timeframes) + 2)
        with TemporaryDirectory(prefix="cfsm-download-") as user_folder:
            config = Path(user_folder) / "config.json"
            config.write_bytes(orjson.dumps(configuration(wanted, self.exchange_settings or {})))
            arguments = [*self.command, *download_arguments(wanted, config, datadir)]
            code, lines = self._run(arguments, series_count, progress)
        if code != 0 or any("Failed to download" in line for line in lines):
            raise _failure(code, lines)

    def _run(self, arguments: Sequence[str], series_count: int, progress: Progress) -> tuple[int, Sequence[str]]:
        """Run to the end, telling of each series as it arrives; give the exit code and the last lines."""
        last: deque[str] = deque(maxlen=_LINES_KEPT)
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        timer = Timer(self.timeout_seconds, _end, [process])
        timer.start()
        done = 0
        try:
            progress("asking the exchange", 0, series_count)
            for line in process.stdout or ():
                last.append(line.rstrip())
                if fetched := _FETCHED.search(line):
                    done += 1
                    progress(f"downloaded {fetched['series']}", done, series_count)
            return process.wait(), last
        finally:
            timer.cancel()
            _end(process)
            process.wait()
            if process.stdout:
                process.stdout.close()


def download_arguments(wanted: Wanted, config: Path, datadir: Path) -> list[str]:
    """Give the arguments of ``freqtrade`` that download what is wanted."""
    return [
        "download-data",
        "--config", str(config),
        "--userdir", str(config.parent),
        "--datadir", str(datadir),
        "--trading-mode", "futures",
        "--data-format-ohlcv", "feather",
        "--timerange", wanted.timerange,
        "--pairs", *wanted.pairs,
        "--timeframes", *wanted.timeframes,
    ]  # fmt: skip


def configuration(wanted: Wanted, exchange_settings: Mapping[str, Any]) -> dict[str, Any]:
    """Give the smallest configuration with which Freqtrade downloads."""
    return {
        "dry_run": True,
        "stake_currency": "USDT",
        "trading_mode": "futures",
        "margin_mode": "isolated",
        "exchange": {
            "name": wanted.exchange,
            "key": "",
            "secret": "",
            "pair_whitelist": list(wanted.pairs),
            **exchange_settings,
        },
        "pairlists": [{"method": "StaticPairList"}],
    }


def _end(process: "subprocess.Popen[str]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _failure(code: int, lines: Sequence[str]) -> Exception:
    errors = [line for line in lines if " - ERROR - " in line] or list(lines)[-3:]
    said = "; ".join(dict.fromkeys(line.rsplit(" - ", 1)[-1] for line in errors[-3:]))
    if any(word in line for line in lines for word in _UNREACHABLE):
        return TryAgain(
            "the exchange cannot be reached: downloading needs the internet. Try again with it, or work without: "
            f"`cfsm data synth` makes a market, `cfsm data import DIR` takes candles from a folder ({said})"
        )
    if code == -signal.SIGKILL:
        return TryAgain("the download took too long and was ended; ask for fewer pairs or a shorter timerange")
    return Misconfigured(f"freqtrade download-data ended with code {code}: {said}")
