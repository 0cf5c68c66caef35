"""From generated to the verdict of a forward test, by the factory alone; again with all that takes part killed; and live.

The candles are two months of the synthetic market. The seed is that of a strategy whose own parameters are bad there and
whose optimised ones are better out of sample, by the gate as it is; that it may be optimised at all, the score asked for
before is lowered.
"""

import json
import re
import threading
import time
from datetime import UTC, datetime, timedelta

import httpx
import orjson
import pytest

from cfsm.adapters.freqtrade.dry_run.bots import BOT_FOLDER
from cfsm.adapters.freqtrade.dry_run.folder import read_progress
from cfsm.adapters.market_data import DatasetStore
from cfsm.adapters.market_gateway.replay_market import ReplayMarket
from cfsm.adapters.market_gateway.running import RunningGateway
from cfsm.adapters.market_gateway.server import Gateway
from cfsm.adapters.sandbox.bot_cage import missing_for_bots
from cfsm.application.history import History
from cfsm.domain.promise import DAY_MS
from tests.fakes.bot_strategies import source
from tests.fakes.running_factory import RunningFactory, processes_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(missing_for_bots()), reason=f"no complete cage for bots: {missing_for_bots()}"),
]

PATIENCE_SECONDS = 600
CALM = """\
generation: {interval_seconds: 0}
backtest: {interval_seconds: 0, timerange: "%s", pairs: [%s]}
market_data: {dataset: synthetic}
admission: {max_psi_cpu_some_percent: null, max_psi_memory_full_percent: null}
retention: {cleanup_old_strategies: false}
workers: {restart_backoff_most_seconds: 0.2, lease_seconds: 10, watchdog_seconds: 9}
"""
OPEN_GATE = """\
selection: {min_backtest_score: -1, minimum_trades: 1}
optimization: {epochs: 20}
forward_test: {replay_days: 1}
"""
PAIRS = '"BTC/USDT:USDT", "ETH/USDT:USDT"'


def happened(running, *topics):
    return [each for each in History(running.house.factory.store).between(0) if each.topic in topics]


def concluded(running, times=1):
    """Wait for so many ends of forward tests; give the last one's facts."""

    def ends():
        return happened(running, "ForwardTest.Concluded", "ForwardTest.Failed")

    running.until(lambda: len(ends()) >= times, 1.0, PATIENCE_SECONDS)
    last = ends()[-1]
    assert last.topic == "ForwardTest.Concluded", last.facts
    return last.facts


def trades_of(running, facts):
    return orjson.loads(running.house.blobs.get(facts["blobs"]["trades"]))


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A factory that runs, after the only strategy that it was asked for has come to the end of its forward test."""
    home = tmp_path_factory.mktemp("e") / "home"
    configuration = CALM % ("20250105-20250301", PAIRS) + OPEN_GATE
    with RunningFactory(home, seconds=None, configuration=configuration) as running:
        running.cfsm("data", "synth", "--start", "2025-01-01", "--end", "2025-03-01")
        running.start().until_ready()
        running.cfsm("generate", "--mode", "predefined", "--type", "scalping", "--seed", "1011", "--no-follow")
        running.first = concluded(running)
        (generated,) = happened(running, "Strategy.Generated")
        running.name = generated.facts["name"]
        yield running


def test_nobody_asks_and_the_optimised_strategy_is_in_a_forward_test(done):
    path = ["Generated", "Validated", "Backtested", "OptimizationRequested", "Optimized", "Backtested", "DryRunStarted"]
    strategy = [each.topic.partition(".")[2] for each in happened(done, *{f"Strategy.{step}" for step in path})]
    (asked,) = happened(done, "ForwardTest.Requested")

    assert strategy == path
    assert asked.facts["why"] == "place 1 of the leaderboard"
    assert asked.meta["actor"].startswith("dry_runner")


def test_it_is_held_to_the_backtest_with_its_new_parameters_and_kept(done):
    (asked,) = happened(done, "ForwardTest.Requested")
    after = happened(done, "Strategy.Backtested")[-1]

    assert asked.facts["promised_by"] == after.facts["run_id"]
    assert done.first["verdict"] == "kept"
    assert done.first["evidence"]["trades"] >= 1


def test_the_bot_entered_where_the_backtest_of_those_days_did(done):
    agreement = done.first["agreement"]

    assert agreement["backtest_trades"] >= 2
    assert agreement["same_entries"] == agreement["backtest_trades"]
    assert agreement["only_in_forward_test"] == 0
    assert 0 < agreement["entry_worse_by_mean"] < 0.0005, "half of the declared spread, and no more"


def test_show_tells_the_story(done):
    story = json.loads(done.cfsm("dryrun", "show", done.name, "--json").stdout)
    told = done.cfsm("dryrun", "show", done.name).stdout

    assert story["verdict"] == "kept"
    assert re.search(r"Verdict: kept\. \d+ trades in 1\.0 days", told)
    assert "would retire it" in told
    assert f"same entries            {story['agreement']['same_entries']};" in told
    assert "freqtrade.worker" in done.cfsm("dryrun", "logs", done.name).stdout


def test_it_is_the_same_again_whatever_is_killed_meanwhile(done):
    done.cfsm("dryrun", "start", done.name, "--days", "1")
    for share, role in ((0.1, "gateway"), (0.35, "bot"), (0.6, "dry_runner")):
        done.until(lambda share=share: share <= progress_of(done) < 1, 0.02, PATIENCE_SECONDS)
        done.kill(bot_of(done) if role == "bot" else done.pids()[role])
    second = concluded(done, 2)

    assert len(happened(done, "ForwardTest.Resumed")) >= 2
    assert trades_of(done, second) == trades_of(done, done.first)
    assert second["figures"] == done.first["figures"]


def progress_of(running):
    """Give how much of its second forward test a bot that is at work has seen."""
    begin = happened(running, "ForwardTest.Requested")[-1].facts["span"]["begin_ms"]
    said = read_progress(running.home / "forward_tests" / f"{running.name}-2" / BOT_FOLDER)
    return (said.get("now_ms", begin) - begin) / DAY_MS if bot_of(running) else 0.0


def bot_of(running):
    found = [pid for pid, words in processes_of(running.home).items() if "freqtrade.dry_run.bot" in words]
    return found[0] if found else None


class Internet:
    """A server on loopback that plays the exchange, on the real clock; it can be away for a while."""

    def __init__(self, store):
        self._store = store
        self._port = 0
        self._over = threading.Event()
        self._clock = threading.Thread(target=self._step)
        self.begin()
        self._clock.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._port}/replay/now/up"

    def begin(self):
        self._server = RunningGateway(lambda: Gateway(lambda name: ReplayMarket(self._store.open(name))))
        self._port = self._server.start(self._port)

    def fail(self):
        self._server.stop()

    def end(self):
        self._over.set()
        self._clock.join()
        self._server.stop()

    def _step(self):
        with httpx.Client(trust_env=False) as client:
            while not self._over.wait(0.1):
                try:
                    client.post(f"{self.url}/clock", json={"now_ms": int(time.time() * 1000)})
                except httpx.HTTPError:
                    continue


@pytest.fixture
def internet(tmp_path):
    today = datetime.now(UTC).date()
    store = DatasetStore(tmp_path / "internet")
    store.synthesise(
        "now",
        pairs=("BTC/USDT:USDT",),
        timeframes=("15m", "1h"),
        start=today - timedelta(days=60),
        end=today + timedelta(days=2),
    )
    made = Internet(store)
    yield made
    made.end()


def test_a_live_forward_test_comes_to_its_verdict_though_the_internet_fails_meanwhile(tmp_path, internet):
    today = datetime.now(UTC).date()
    days = f"{today - timedelta(days=50):%Y%m%d}-{today - timedelta(days=1):%Y%m%d}"
    settings = (
        f"forward_test: {{candidates: none}}\nmarket_gateway: {{upstream: '{internet.url}', timeout_seconds: 2}}\n"
    )
    with RunningFactory(
        tmp_path / "home", seconds=None, configuration=CALM % (days, '"BTC/USDT:USDT"') + settings
    ) as running:
        running.cfsm("data", "synth", "--start", f"{today - timedelta(days=50)}", "--end", f"{today}")
        file = tmp_path / "OftenStrategy.py"
        file.write_bytes(source("OftenStrategy"))
        running.start().until_ready()
        running.cfsm("strategies", "add", str(file))
        running.until(lambda: happened(running, "Strategy.Backtested"), 1.0, PATIENCE_SECONDS)
        seconds = 120
        running.cfsm("dryrun", "start", "OftenStrategy", "--source", "live", "--days", f"{seconds / 86_400}")
        running.until(lambda: happened(running, "ForwardTest.Started"), 0.5, PATIENCE_SECONDS)
        running.until(lambda: _is_trading(running), 1.0, PATIENCE_SECONDS)
        status = json.loads(running.cfsm("market", "status", "--json").stdout)["live"]
        internet.fail()
        running.until(lambda: happened(running, "Upstream.BreakerOpened"), 0.5)
        internet.begin()
        running.until(lambda: happened(running, "Upstream.BreakerClosed"), 0.5)
        facts = concluded(running)
        shown = json.loads(running.cfsm("dryrun", "show", "OftenStrategy", "--json").stdout)

    assert status["upstream"] == internet.url
    assert status["requests"] > 0 < status["upstream_requests"]
    assert facts["verdict"] == "kept"
    assert facts["figures"]["open_trades"] + facts["figures"]["total_trades"] >= 1
    assert shown["source"] == "live"
    assert happened(running, "ForwardTest.Away"), "it waited for its bot"


def _is_trading(running):
    return (
        "has been fulfilled for Trade"
        in running.cfsm("dryrun", "logs", "OftenStrategy", "-n", "400", check=False).stdout
    )
