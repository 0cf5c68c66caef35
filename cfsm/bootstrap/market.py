"""The market gateway and the bots of a house, wired."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cfsm.adapters.home import RUN_FOLDER
from cfsm.application.errors import TryAgain
from cfsm.application.market import UpstreamChange, record_change
from cfsm.bootstrap.house import House

if TYPE_CHECKING:  # imported where they are used
    from cfsm.adapters.freqtrade.dry_run.bots import DryRunBots
    from cfsm.adapters.freqtrade.dry_run.processes import BotProcesses
    from cfsm.adapters.market_data.download import Downloader
    from cfsm.adapters.market_gateway.running import RunningGateway

FORWARD_FOLDER = "forward_tests"
"""Where the bots' folders lie, in the home."""

BOTS_SOCKET = "dryrun.sock"
"""In the folder ``run`` of the home: where systemd listens for bots that are wanted."""


class HouseGateway:
    """The gateway of a house (``MarketGateway``): its address lies in the run folder."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._changes: list[UpstreamChange] = []
        self._running: RunningGateway | None = None

    def start(self) -> int:
        """Listen, at the port that the last one had if it may be any; give it. Raise Misconfigured."""
        from cfsm.adapters.durable import of_system
        from cfsm.adapters.market_gateway.address import last_port, write_address

        folder = self._house.run_folder
        self._running = _gateway(self._house, self._changes)
        port = self._running.start(self._house.settings.market_gateway.port, last_port(folder))
        try:
            write_address(folder, port)
        except OSError as error:
            raise of_system(error, folder) from error
        return port

    def status(self) -> dict[str, Any]:
        """Tell how it fares."""
        assert self._running is not None
        return self._running.status()

    def changes(self) -> Sequence[UpstreamChange]:
        """Give what happened upstream since the last time."""
        there = len(self._changes)
        taken, self._changes[:there] = self._changes[:there], []
        return taken

    def stop(self) -> None:
        """Hang up."""
        if self._running is not None:
            self._running.stop()


def gateway_of(house: House) -> HouseGateway:
    """Give the gateway of a house."""
    return HouseGateway(house)


def gateway_status(house: House) -> dict[str, Any]:
    """Ask the gateway that runs how it fares. Raise TryAgain if none does."""
    from cfsm.adapters.market_gateway.address import status_of

    return status_of(house.run_folder)


@contextmanager
def downloader_of(house: House, exchange: str) -> Iterator["Downloader"]:
    """Give what downloads candles: from Binance through the gateway, with its limits and its cache.

    Where none runs, one does for as long as this takes; what happens upstream is recorded then too.
    """
    from cfsm.adapters.freqtrade.dry_run.bot_config import through_gateway
    from cfsm.adapters.market_data.download import Downloader
    from cfsm.adapters.market_gateway.address import HOST, port_of

    def asking_at(port: int) -> Downloader:
        return Downloader(exchange_settings=through_gateway(f"http://{HOST}:{port}/live"))

    if exchange != "binance":
        yield Downloader()
        return
    try:
        port = port_of(house.run_folder)
    except TryAgain:
        changes: list[UpstreamChange] = []
        own = _gateway(house, changes)
        try:
            yield asking_at(own.start(0))
        finally:
            own.stop()
            for change in changes:
                record_change(house.factory, change)
    else:
        yield asking_at(port)


def _gateway(house: House, changes: list[UpstreamChange]) -> "RunningGateway":
    """Make a gateway as configured that does not listen yet; what happens upstream is added to ``changes``."""
    from cfsm.adapters.market_gateway.live import LiveBackend
    from cfsm.adapters.market_gateway.replay_market import ReplayMarket
    from cfsm.adapters.market_gateway.running import RunningGateway
    from cfsm.adapters.market_gateway.server import Gateway

    settings, datasets = house.settings.market_gateway, house.datasets
    live = LiveBackend(
        settings.upstream,
        changes,
        weight_per_minute=settings.weight_per_minute,
        cache_bytes=settings.cache_mb * 1024 * 1024,
        timeout_seconds=settings.timeout_seconds,
    )
    name = str(house.run_folder)
    return RunningGateway(lambda: Gateway(lambda name: ReplayMarket(datasets.open(name)), live, name=name))


def bots_of(house: House) -> "DryRunBots":
    """Give the bots of a house."""
    from cfsm.adapters.freqtrade.dry_run.bots import DryRunBots
    from cfsm.adapters.market_gateway.address import port_of

    return DryRunBots(
        house.path / FORWARD_FOLDER,
        lambda: port_of(house.run_folder),
        lambda dataset: house.datasets.open(dataset).pairs,
        memory_mb=house.settings.forward_test.bot_memory_mb,
        processes=_processes_of(house),
    )


def _processes_of(house: House) -> "BotProcesses":
    """Give where bots run: under systemd in units of their own, elsewhere as children of the dry runner."""
    from cfsm.adapters.freqtrade.dry_run.asked import Units
    from cfsm.adapters.freqtrade.dry_run.processes import CHILDREN

    if house.environ.get("CFSM_SUPERVISION") == "systemd":
        return Units(house.path / RUN_FOLDER / BOTS_SOCKET)
    return CHILDREN


def bot_log(house: House, key: str) -> Path | None:
    """Give the log of a bot, None where there is none."""
    from cfsm.adapters.freqtrade.dry_run.folder import BOT_FOLDER, LOG_FILE

    path = house.path / FORWARD_FOLDER / key / BOT_FOLDER / LOG_FILE
    return path if path.is_file() else None
