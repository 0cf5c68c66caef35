"""The bots of this machine: a folder and a process each, started, watched, started again, stopped."""

import os
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import orjson

from cfsm.adapters.durable import of_system
from cfsm.adapters.freqtrade.dry_run.bot_config import HOST, Access, bot_config
from cfsm.adapters.freqtrade.dry_run.fills import CandlesOf, faults_of
from cfsm.adapters.freqtrade.dry_run.folder import (
    BOT_FOLDER,
    CONFIG_FILE,
    LOG_FILE,
    STRATEGY_FOLDER,
    USER_FOLDER,
    Instructions,
    Stepping,
    read_progress,
)
from cfsm.adapters.freqtrade.dry_run.log import BotLog
from cfsm.adapters.freqtrade.dry_run.processes import CHILDREN, BotProcess, BotProcesses, ProcessState
from cfsm.adapters.freqtrade.dry_run.rest import BotRest
from cfsm.adapters.freqtrade.strategy_folder import remove_folder, write_strategy
from cfsm.application.bots import BotState, BotWanted
from cfsm.application.errors import TryAgain
from cfsm.domain.forward_account import Account
from cfsm.domain.forward_test import Source
from cfsm.domain.trading_mode import Mode

FOLDER_QUOTA_MB = 256
LIVE_THROTTLE_SECONDS = 5
"""Freqtrade's own default: so often a bot on the real clock looks."""


class DryRunBots:
    """Runs bots in folders under one folder, against the gateway on the port that ``gateway_port`` gives.

    ``processes`` starts their processes; ``pairs_of`` gives the pairs of a dataset. ``gateway_port`` raises TryAgain
    while no gateway is there.
    """

    def __init__(
        self,
        folder: Path,
        gateway_port: Callable[[], int],
        pairs_of: Callable[[str], Sequence[str]],
        *,
        memory_mb: int,
        processes: BotProcesses = CHILDREN,
    ) -> None:
        self._folder = folder
        self._processes = processes
        self._gateway_port = gateway_port
        self._pairs_of = pairs_of
        self._memory_mb = memory_mb

    @property
    def engine(self) -> str:
        """The version of Freqtrade."""
        return f"freqtrade-{version('freqtrade')}/dry-run"

    def start(self, wanted: BotWanted) -> "DryRunBot":
        """Start a bot, or take up the one whose folder is there. Raise TryAgain or Misconfigured."""
        self._processes.require()
        place = self._folder / wanted.key
        try:
            (place / BOT_FOLDER / USER_FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
            if not (place / STRATEGY_FOLDER).is_dir():
                building = place / f".{STRATEGY_FOLDER}"
                remove_folder(building)  # what a full disk, or kill -9, left half written
                write_strategy(building, wanted.strategy_name, wanted.source, wanted.parameters)
                building.rename(place / STRATEGY_FOLDER)
        except OSError as error:
            raise of_system(error, place) from error
        pairs = wanted.conditions.pairs or tuple(self._pairs_of(wanted.conditions.dataset))
        bot = DryRunBot(place / BOT_FOLDER, wanted, pairs, self._gateway_port, self._processes, self._memory_mb)
        bot.restart()
        return bot

    def forget(self, key: str) -> None:
        """Remove what a bot that is over has left on the disk, but for its log; what cannot be removed stays."""
        place = self._folder / key
        with suppress(OSError):
            remove_folder(place / STRATEGY_FOLDER)
        with suppress(OSError):
            for left in (place / BOT_FOLDER).iterdir():
                if left.is_dir():
                    shutil.rmtree(left, ignore_errors=True)
                elif not left.name.startswith(LOG_FILE):
                    left.unlink(missing_ok=True)


class DryRunBot:
    """One bot, and its process."""

    def __init__(
        self,
        folder: Path,
        wanted: BotWanted,
        pairs: Sequence[str],
        gateway_port: Callable[[], int],
        processes: BotProcesses,
        memory_mb: int,
    ) -> None:
        self._folder = folder
        self._wanted = wanted
        self._pairs = pairs
        self._gateway_port = gateway_port
        self._processes = processes
        self._memory_mb = memory_mb
        self._log = BotLog(folder / LOG_FILE)
        self._process: BotProcess | None = None
        self._rest: BotRest | None = None

    @property
    def pid(self) -> int | None:
        """The process's id while it lives."""
        return self._process_state().pid

    def restart(self) -> None:
        """Start the process, where trades and clock stood. Raise TryAgain or Misconfigured."""
        self.stop()
        access = _new_access()
        try:
            self._write(access, self._gateway_port())
            self._process = self._processes.start(self._folder)
        except OSError as error:
            raise of_system(error, self._folder) from error
        self._rest = BotRest(access)

    def state(self) -> BotState:
        """Tell how the process fares."""
        self._log.shorten()
        said, process = read_progress(self._folder), self._process_state()
        return BotState(
            exit_words=self._exit_words(process),
            progress=self._progress(said.get("now_ms")),
            memory_mb=None if process.memory_bytes is None else round(process.memory_bytes / 2**20, 1),
            is_over_quota=_bytes_in(self._folder) > FOLDER_QUOTA_MB * 2**20,
        )

    def account(self) -> Account:
        """Ask the bot for its trades. Raise TryAgain while it does not answer, BotsTellNonsense for what cannot be."""
        said = read_progress(self._folder)
        at_ms, is_at_end = self._now(said.get("now_ms")), said.get("state") == "done"
        if self._rest is None or self.pid is None:
            raise TryAgain("the bot does not run")
        closed, still_open = self._rest.closed(), self._rest.open()
        if self._wanted.candles is Source.LIVE:
            is_at_end = at_ms >= self._wanted.span.end_ms
        return Account(at_ms, closed, still_open, is_at_end, self._log.strategy_errors())

    def faults(self, account: Account) -> Sequence[str]:
        """Give what is impossible about the trades of a replay, held against its candles. Raise TryAgain."""
        if self._wanted.candles is Source.LIVE:
            return ()
        return faults_of(account.closed, CandlesOf(self._url()), self._wanted.span.spread_bps)

    def stop(self) -> None:
        """End the process in order, at last by force."""
        if self._rest is not None:
            self._rest.close()
            self._rest = None
        if self._process is not None:
            self._process.stop()
            self._process = None

    def _write(self, access: Access, gateway_port: int) -> None:
        wanted, span = self._wanted, self._wanted.span
        url, stepping = self._url(gateway_port), None
        if wanted.candles is Source.REPLAY:
            stepping = Stepping(span.begin_ms, span.end_ms, span.step_ms, span.spread_bps, span.seed)
        config = bot_config(
            wanted.key,
            wanted.conditions,
            self._pairs,
            url,
            access,
            throttle_seconds=max(1, span.step_ms // 1000) if stepping else LIVE_THROTTLE_SECONDS,
            verbose=wanted.mode is Mode.DEBUG,
        )
        path = self._folder / CONFIG_FILE
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(orjson.dumps(config, option=orjson.OPT_INDENT_2))
        Instructions(
            strategy_name=wanted.strategy_name,
            exchange_url=url,
            gateway_port=gateway_port,
            api_port=access.port,
            memory_mb=self._memory_mb,
            is_verbose=wanted.mode is Mode.DEBUG,
            stepping=stepping,
        ).write(self._folder)

    def _url(self, gateway_port: int | None = None) -> str:
        base = f"http://{HOST}:{gateway_port or self._gateway_port()}"
        if self._wanted.candles is Source.LIVE:
            return f"{base}/live"
        return f"{base}/replay/{self._wanted.conditions.dataset}/{self._wanted.key}"

    def _process_state(self) -> ProcessState:
        return ProcessState("stopped") if self._process is None else self._process.state()

    def _exit_words(self, process: ProcessState) -> str:
        if self._process is None or not process.exit_words:
            return process.exit_words
        last = self._log.last_line()
        return f"{process.exit_words}: {last}" if last else process.exit_words

    def _now(self, said: object) -> int:
        span = self._wanted.span
        if self._wanted.candles is Source.LIVE:
            return int(time.time() * 1000)
        now = said if isinstance(said, int) else span.begin_ms
        return min(max(now, span.begin_ms), span.end_ms)

    def _progress(self, said: object) -> float:
        span = self._wanted.span
        return min(1.0, max(0.0, (self._now(said) - span.begin_ms) / (span.end_ms - span.begin_ms)))


def _new_access() -> Access:
    """Make credentials, and find a port that is free now."""
    with socket.create_server((HOST, 0)) as found:
        port = found.getsockname()[1]
    words = (secrets.token_urlsafe(24) for _ in range(4))
    return Access(port, *words)


def _bytes_in(folder: Path) -> int:
    total = 0
    for here, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                total += os.lstat(Path(here) / name).st_size
    return total
