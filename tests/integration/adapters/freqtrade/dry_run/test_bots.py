"""Real bots against a real gateway: the same trades every time, whatever is killed meanwhile, and nothing gets out."""

import os
import signal
import socket
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from cfsm.adapters.freqtrade.dry_run.asked import Units
from cfsm.adapters.freqtrade.dry_run.bots import DryRunBots
from cfsm.adapters.freqtrade.dry_run.folder import BOT_FOLDER
from cfsm.adapters.freqtrade.dry_run.processes import CHILDREN
from cfsm.adapters.market_data import DatasetStore
from cfsm.adapters.market_gateway.live import LiveBackend
from cfsm.adapters.market_gateway.replay_market import ReplayMarket
from cfsm.adapters.market_gateway.running import RunningGateway
from cfsm.adapters.market_gateway.server import Gateway
from cfsm.adapters.sandbox.bot_cage import missing_for_bots
from cfsm.application.bots import BotWanted
from cfsm.application.errors import TryAgain
from cfsm.domain.evaluation import Conditions, Job
from cfsm.domain.forward_test import Source, Span
from cfsm.domain.trading_mode import Mode
from tests.fakes.bot_strategies import crossing, dying, hostile, source
from tests.fakes.disks import small_disk
from tests.fakes.socket_units import SocketUnits

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(missing_for_bots()), reason=f"no complete cage for bots: {missing_for_bots()}"),
]

BEGIN = datetime(2025, 2, 10, tzinfo=UTC)
HOURS = 8
NAME = "OftenStrategy"
CONDITIONS = Conditions("synthetic", max_open_trades=2)


class House:
    """A gateway that the test can end and start again, and bots against it."""

    def __init__(self, datasets, folder):
        self._store = DatasetStore(datasets)
        self.folder = folder
        self.port = 0
        self.start_gateway()
        self.bots = self.bots_by(CHILDREN)

    def bots_by(self, processes):
        return DryRunBots(self.folder, self._gateway_port, self._pairs_of, memory_mb=1536, processes=processes)

    def _pairs_of(self, name):
        return self._store.open(name).pairs

    def start_gateway(self):
        self.gateway = RunningGateway(lambda: Gateway(lambda name: ReplayMarket(self._store.open(name))))
        self.port = self.gateway.start(self.port)

    def _gateway_port(self):
        return self.port


@pytest.fixture(scope="module")
def house(datasets, tmp_path_factory):
    made = House(datasets, tmp_path_factory.mktemp("forward"))
    yield made
    made.gateway.stop()


def wanted(key, code=None, hours=HOURS, **facts):
    begin = int(BEGIN.timestamp() * 1000)
    given = {
        "strategy_name": NAME,
        "source": code or source(NAME),
        "parameters": None,
        "conditions": CONDITIONS,
        "candles": Source.REPLAY,
        "span": Span(begin_ms=begin, end_ms=begin + int(hours * 3_600_000), spread_bps=1.0, seed=0, step_ms=225_000),
        "mode": Mode.SHADOW,
    }
    return BotWanted(key=key, **given | facts)


def until(bot, is_so, seconds=300):
    """Wait until the account is as wanted; a bot that ended is started again. Give the account."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        state = bot.state()
        if state.exit_words:
            bot.restart()
        try:
            account = bot.account()
        except TryAgain:
            time.sleep(0.5)
            continue
        if is_so(account):
            return account
        time.sleep(0.2)
    raise AssertionError(f"not so within {seconds} s: {bot.state()}")


def run(house, key, **facts):
    bot = house.bots.start(wanted(key, **facts))
    try:
        return until(bot, lambda account: account.is_at_end)
    finally:
        bot.stop()


def told(account):
    """Give what has to be the same in every run."""
    return account.closed, account.open


@pytest.fixture(scope="module")
def first(house):
    """What an undisturbed replay comes to."""
    return run(house, "first")


def test_a_replay_run_again_makes_the_same_trades(house, first):
    assert len(first.closed) >= 4
    assert told(run(house, "second")) == told(first)


@pytest.mark.parametrize("parent", ["child", "unit"])
def test_a_bot_killed_in_the_middle_of_a_trade_makes_the_same_trades(house, first, parent, tmp_path):
    units = SocketUnits(tmp_path / "sock", house.folder)
    bots = house.bots_by(Units(units.path) if parent == "unit" else CHILDREN)
    bot = bots.start(wanted(f"killed_{parent}"))
    try:
        for trades in (1, 3):
            until(bot, lambda account, trades=trades: len(account.closed) >= trades and account.open)
            os.kill(bot.pid, signal.SIGKILL)
        account = until(bot, lambda account: account.is_at_end)
    finally:
        bot.stop()
        units.close()

    assert told(account) == told(first)
    assert len(units.started) == (3 if parent == "unit" else 0)


def test_a_bot_killed_between_two_transactions_of_one_step_finishes_the_step(house, first):
    between = ("update_trade_state", "handle_protections")  # after a trade was saved, after it was closed
    account = run(house, "between", code=dying(NAME, *between))

    folder = house.folder / "between" / BOT_FOLDER
    assert {path.name for path in folder.glob("*.died")} == {f"{name}.died" for name in between}
    assert told(account) == told(first)


def test_a_gateway_that_is_away_for_a_while_costs_no_time_and_no_trade(house, first):
    bot = house.bots.start(wanted("gateway"))
    try:
        until(bot, lambda account: len(account.closed) >= 1)
        house.gateway.stop()
        time.sleep(2)
        house.start_gateway()
        account = until(bot, lambda account: account.is_at_end)
    finally:
        bot.stop()

    assert told(account) == told(first)


def test_the_bot_enters_where_the_backtest_of_the_same_days_does(house, forge):
    code = crossing(NAME)
    account = run(house, "crossing", code=code, hours=16)
    days = f"{BEGIN:%Y%m%d}-{BEGIN + timedelta(days=1):%Y%m%d}"
    conditions = Conditions("synthetic", timerange=days, max_open_trades=2)
    outcome = forge.backtest(Job("a" * 32, NAME, code, conditions), lambda *_: None)
    step = 15 * 60_000

    mine = sorted((trade.pair, trade.is_short, trade.open_date // step) for trade in (*account.closed, *account.open))
    horizon = account.at_ms // step
    theirs = sorted(
        (trade.pair, trade.is_short, trade.open_date // step)
        for trade in outcome.trades
        if trade.open_date // step < horizon
    )

    same = set(mine) & set(theirs)
    assert len(theirs) >= 5
    assert len(same) / max(len(mine), len(theirs)) >= 0.8, (mine, theirs)


def test_what_a_hostile_strategy_tries_fails(house, tmp_path):
    outside = house.folder
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        account = run(house, "hostile", code=hostile(NAME, outside, port), hours=1)

    attacks = outside / "hostile" / BOT_FOLDER / "attacks.txt"
    assert attacks.read_text() == "[]"
    assert not (outside / "owned").exists()
    assert account.is_at_end


def test_a_disk_that_is_full_for_a_while_costs_no_trade(house, first, tmp_path):
    with small_disk(tmp_path / "disk", 64) as disk:
        bots = DryRunBots(disk, lambda: house.port, lambda name: ("BTC/USDT:USDT", "ETH/USDT:USDT"), memory_mb=1536)
        bot = bots.start(wanted("disk"))
        try:
            until(bot, lambda account: account.closed and account.open)
            fill(disk / "all")
            end = time.monotonic() + 120
            while not bot.state().exit_words:
                assert time.monotonic() < end, "a bot that can keep nothing ends"
                time.sleep(0.2)
            with suppress(TryAgain):  # it cannot be started, or ends again at once
                bot.restart()
            (disk / "all").unlink()
            account = until(bot, lambda account: account.is_at_end)
        finally:
            bot.stop()

    assert told(account) == told(first)


def fill(path):
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_in_debug_mode_the_log_says_more(house):
    for mode in (Mode.SHADOW, Mode.DEBUG):
        assert run(house, mode.value, mode=mode, hours=1).is_at_end

    shadow, debug = ((house.folder / mode / BOT_FOLDER / "bot.log").read_text() for mode in ("shadow", "debug"))
    assert " - DEBUG - " not in shadow
    assert " - DEBUG - " in debug


def test_a_strategy_that_raises_is_counted(house):
    account = run(house, "raises", code=source(NAME, indicators="raise RuntimeError('no')"), hours=1)

    assert account.strategy_errors >= 4
    assert account.closed == account.open == ()


def test_the_credentials_are_for_the_owner_alone_and_new_each_time(house):
    bot = house.bots.start(wanted("secret", hours=1))
    config = house.folder / "secret" / BOT_FOLDER / "config.json"
    before = config.read_text()
    bot.restart()
    bot.stop()

    assert config.stat().st_mode & 0o077 == 0
    assert config.read_text() != before


def test_a_bot_trades_on_the_live_path_with_a_loopback_server_as_the_internet(tmp_path):
    store = DatasetStore(tmp_path / "data")
    now = datetime.now(UTC)
    store.synthesise(
        "now",
        pairs=("BTC/USDT:USDT",),
        timeframes=("15m", "1h"),
        start=(now - timedelta(days=20)).date(),
        end=(now + timedelta(days=2)).date(),
    )
    internet = RunningGateway(lambda: Gateway(lambda name: ReplayMarket(store.open(name))))
    internet_port = internet.start(0)
    changes = []
    over = threading.Event()
    clock = threading.Thread(target=_step, args=(f"http://127.0.0.1:{internet_port}/replay/now/up/clock", over))
    clock.start()
    upstream = f"http://127.0.0.1:{internet_port}/replay/now/up"
    live = LiveBackend(upstream, changes, weight_per_minute=1200, cache_bytes=1 << 24, timeout_seconds=10)
    gateway = RunningGateway(lambda: Gateway(lambda name: ReplayMarket(store.open(name)), live))
    port = gateway.start(0)
    bots = DryRunBots(tmp_path / "bots", lambda: port, lambda _: ("BTC/USDT:USDT",), memory_mb=1536)
    begin = int(now.timestamp() * 1000)
    bot = bots.start(
        wanted(
            "live",
            candles=Source.LIVE,
            conditions=Conditions("now"),
            span=Span(begin_ms=begin, end_ms=begin + 3_600_000),
        )
    )
    try:
        account = until(bot, lambda account: account.open or account.closed, 120)
        status = gateway.status()["live"]
    finally:
        bot.stop()
        gateway.stop()
        over.set()
        clock.join()
        internet.stop()

    assert (*account.open, *account.closed)[0].pair == "BTC/USDT:USDT"
    assert status["upstream_requests"] < status["requests"]
    assert status["breaker"] == "closed"
    assert changes == []


def _step(url, over):
    """Let the server that plays the internet go with the real clock."""
    import httpx

    with httpx.Client(trust_env=False) as client:
        while not over.is_set():
            client.post(url, json={"now_ms": int(time.time() * 1000)})
            over.wait(0.1)
