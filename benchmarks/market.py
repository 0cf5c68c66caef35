"""Bots and the market gateway: one day of one bot, twenty bots through the gateway, answers from its cache.

python -m benchmarks.market [--bots 20] [--hours 24] [--live-hours 3] [--look-seconds 5] [--only day|bots|cache]

The twenty bots look every 5 seconds while a trade is open, as they do on the live exchange: in a replay a bot takes so
many looks at a core's pace, and a whole day of them about 80 minutes of two cores (--live-hours 24).
"""

import argparse
import asyncio
import multiprocessing
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import ClassVar

import aiohttp

from benchmarks.table import note, say, title
from cfsm.adapters.freqtrade.dry_run.bots import BOT_FOLDER, DryRunBots
from cfsm.adapters.freqtrade.dry_run.folder import read_progress
from cfsm.adapters.market_data import DatasetStore
from cfsm.adapters.market_gateway import server
from cfsm.adapters.market_gateway.live import LiveBackend
from cfsm.adapters.market_gateway.replay import ReplaySession
from cfsm.adapters.market_gateway.replay_market import ReplayMarket
from cfsm.adapters.market_gateway.running import RunningGateway
from cfsm.adapters.templates import render
from cfsm.application.bots import BotWanted
from cfsm.application.errors import TryAgain
from cfsm.domain.evaluation import Conditions
from cfsm.domain.forward_test import Source, Span
from cfsm.domain.trading_mode import Mode

BEGIN_MS = int(datetime(2025, 1, 20, tzinfo=UTC).timestamp() * 1000)
FAMILIES = ("momentum", "trend", "breakout", "volatility", "mean_reversion", "scalping")
ONE_DAY_SECONDS, SAVED_PERCENT, CACHED_MS = 60.0, 95.0, 20.0
CLIENTS, PAUSE_SECONDS = 20, 0.05
REPLAY_LOOK_SECONDS = 75.0


@dataclass
class Day:
    """What a bot's replay came to."""

    wall_seconds: float
    cpu_seconds: float
    memory_mb: float
    trades: tuple


class Recording(ReplaySession):
    """A session that writes down when what was asked."""

    told: ClassVar[list] = []

    async def answer(self, asked):
        self.told.append((self.now_ms, asked))
        return await super().answer(asked)


class Stage:
    """A gateway with six synthetic pairs, and bots against it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = DatasetStore(folder / "data")
        self.store.synthesise("synthetic", start=date(2025, 1, 1), end=date(2025, 1, 25))
        self.gateway = RunningGateway(self.make_gateway)
        self.port = self.gateway.start(0)
        self.bots = DryRunBots(
            folder / "bots", lambda: self.port, lambda name: self.store.open(name).pairs, memory_mb=1536
        )

    def make_gateway(self) -> server.Gateway:
        return server.Gateway(lambda name: ReplayMarket(self.store.open(name)))

    def run(
        self, key: str, family: str, seed: int, timeframe: str, hours: float, look_seconds: float = REPLAY_LOOK_SECONDS
    ) -> Day:
        """Replay one bot to its end."""
        rendered = render(family, f"{family.title().replace('_', '')}Strategy_bench_{seed}", seed)
        code = re.sub(r'timeframe = "\w+"', f'timeframe = "{timeframe}"', rendered.source)
        end, step = int(BEGIN_MS + hours * 3_600_000), int(look_seconds * 1000)
        span = Span(begin_ms=BEGIN_MS, end_ms=end, spread_bps=1.0, step_ms=step)
        wanted = BotWanted(
            key, rendered.name, code.encode(), None, Conditions("synthetic"), Source.REPLAY, span, Mode.SHADOW
        )
        begun = time.monotonic()
        bot = self.bots.start(wanted)
        try:
            while True:
                state = bot.state()
                if state.exit_words:
                    raise SystemExit(f"the bot {key} ended: {state.exit_words}")
                try:
                    account = bot.account() if state.progress > 0 else None
                except TryAgain:
                    account = None
                if account is not None and account.is_at_end:
                    break
                time.sleep(0.5)
            seconds = time.monotonic() - begun
            said = read_progress(self.folder / "bots" / key / BOT_FOLDER)
            return Day(seconds, float(said["cpu_seconds"]), state.memory_mb or 0.0, (*account.closed, *account.open))
        finally:
            bot.stop()


def one_day(stage: Stage, hours: float) -> None:
    title(f"One bot, {hours:g} hours of 5m candles, 6 pairs")
    days = []
    for number in range(2):
        note(f"replay {number + 1} of 2")
        days.append(stage.run(f"day-{number}", "scalping", 2, "5m", hours))
    for number, day in enumerate(days, start=1):
        say(f"processor time, replay {number}", day.cpu_seconds, "s", at_most=ONE_DAY_SECONDS * hours / 24)
        say(f"elapsed, replay {number}", day.wall_seconds, "s", beside="depends on what else the machine does")
    say("trades that differ between both", len(set(days[0].trades) ^ set(days[1].trades)), "trades", at_most=0)
    say("trades", len(days[0].trades), "trades")
    say("memory of a bot (shared pages in parts)", days[0].memory_mb, "MB")


def many_bots(stage: Stage, count: int, hours: float, look_seconds: float) -> None:
    title(f"{count} bots, {hours:g} hours of 15m candles, 6 pairs, looks every {look_seconds:g} s: requests upstream")
    Recording.told = []
    server.ReplaySession = Recording
    with ThreadPoolExecutor(2) as pool:
        note("the bots run, two at a time, directly against the exchange")
        runs = [
            pool.submit(
                stage.run, f"bot-{number}", FAMILIES[number % len(FAMILIES)], number, "15m", hours, look_seconds
            )
            for number in range(count)
        ]
        days = [run.result() for run in runs]
    server.ReplaySession = ReplaySession
    told = list(Recording.told)
    note("what they asked is asked again through the gateway, moment by moment")
    status = asyncio.run(_through_gateway(stage, told))
    upstream = status["upstream_requests"]
    say("requests, directly", len(told), "requests")
    say("requests upstream, through the gateway", upstream, "requests")
    say("saved", 100 * (1 - upstream / len(told)), "%", at_least=SAVED_PERCENT)
    directly = Counter(asked.path for _, asked in told)
    for path, requests in directly.most_common():
        beside = f"{status['upstream_by_path'].get(path, 0):,} upstream"
        say(f"  {path.removeprefix('fapi/')}, directly", requests, "requests", beside=beside)
    say("memory of a bot, mean of all", sum(day.memory_mb for day in days) / len(days), "MB")
    say("failed", status["failed"], "requests", at_most=0)


async def _through_gateway(stage: Stage, told: list) -> dict:
    """Ask all that the bots asked of a gateway whose internet is a replay; both go by the replay's clock."""
    moments = defaultdict(list)
    for now_ms, asked in told:
        moments[now_ms].append(asked)
    now = [0.0]
    url = f"http://127.0.0.1:{stage.port}/replay/synthetic/upstream"
    backend = LiveBackend(
        url, [], weight_per_minute=100_000, cache_bytes=64 << 20, timeout_seconds=30, now=lambda: now[0]
    )
    await backend.start()
    async with aiohttp.ClientSession() as session:
        for now_ms in sorted(moments):
            now[0] = now_ms / 1000
            async with session.post(f"{url}/clock", json={"now_ms": now_ms}) as answer:
                await answer.read()
            for asked in moments[now_ms]:
                if asked.path != "fapi/v1/time":  # a bot asks it once; it is never held
                    await backend.answer(asked)
    status = backend.status()
    for _, asked in told:
        if asked.path == "fapi/v1/time":
            status["upstream_requests"] += 1
            status["upstream_by_path"][asked.path] = status["upstream_by_path"].get(asked.path, 0) + 1
    await backend.stop()
    return status


def cached(stage: Stage, seconds: float) -> None:
    title(f"{CLIENTS} clients, {CLIENTS / PAUSE_SECONDS:.0f} requests a second: answers from the cache")
    ready, queue = multiprocessing.Event(), multiprocessing.Queue()
    gateway = multiprocessing.Process(target=_serve_cached, args=(stage.port, ready, queue), daemon=True)
    gateway.start()
    port = queue.get(timeout=60)
    ready.wait(60)
    latencies = sorted(asyncio.run(_load(port, seconds)))
    gateway.terminate()
    say("p50", 1000 * latencies[len(latencies) // 2], "ms")
    say("p99", 1000 * latencies[len(latencies) * 99 // 100], "ms", at_most=CACHED_MS)
    say("requests", len(latencies), "requests")


def _serve_cached(upstream_port: int, ready, queue) -> None:
    async def serve() -> None:
        url = f"http://127.0.0.1:{upstream_port}/replay/synthetic/cached"
        step = {"now_ms": BEGIN_MS + 1_000}
        async with aiohttp.ClientSession() as session, session.post(f"{url}/clock", json=step) as answer:
            await answer.read()
        live = LiveBackend(
            url, [], weight_per_minute=100_000, cache_bytes=64 << 20, timeout_seconds=30,
            now=lambda: BEGIN_MS / 1000 + 1,
        )  # fmt: skip
        gateway = server.Gateway(lambda _: None, live)
        await gateway.start()
        serving = server.Serving(gateway)
        await serving.start()
        queue.put(serving.port)
        ready.set()
        await asyncio.Event().wait()

    asyncio.run(serve())


async def _load(port: int, seconds: float) -> list[float]:
    names = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "BNBUSDT", "DOGEUSDT")
    questions = [f"klines?symbol={name}&interval=5m&limit=499" for name in names]
    questions += [f"depth?symbol={name}&limit=20" for name in names]
    latencies: list[float] = []

    async def client(session: aiohttp.ClientSession, number: int, end: float) -> None:
        await asyncio.sleep(PAUSE_SECONDS * number / CLIENTS)
        while time.monotonic() < end:
            begun = time.perf_counter()
            question = questions[len(latencies) % len(questions)]
            async with session.get(f"http://127.0.0.1:{port}/live/fapi/v1/{question}") as answer:
                await answer.read()
            latencies.append(time.perf_counter() - begun)
            await asyncio.sleep(PAUSE_SECONDS)

    async with aiohttp.ClientSession() as session:
        for question in questions:  # after this all is held
            async with session.get(f"http://127.0.0.1:{port}/live/fapi/v1/{question}") as answer:
                await answer.read()
        end = time.monotonic() + seconds
        await asyncio.gather(*(client(session, number, end) for number in range(CLIENTS)))
    return latencies


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bots", type=int, default=20)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--live-hours", type=float, default=3.0, help="of the twenty bots")
    parser.add_argument("--look-seconds", type=float, default=5.0, help="of the twenty bots")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--only", choices=["day", "bots", "cache"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cfsm-bench-") as folder:
        stage = Stage(Path(folder))
        if options.only in {None, "cache"}:
            cached(stage, options.seconds)
        if options.only in {None, "day"}:
            one_day(stage, options.hours)
        if options.only in {None, "bots"}:
            many_bots(stage, options.bots, options.live_hours, options.look_seconds)
        stage.gateway.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
