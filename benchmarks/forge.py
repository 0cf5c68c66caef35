"""Speed, memory and truth of the forge against Freqtrade's command line: ``python -m benchmarks.forge``.

Every strategy (the predefined families, and twenty in the manner of public ones) is backtested by one ``freqtrade
backtesting`` process and by the warm forge; the trades must be the same. Options: --strategies NAME,… , --timerange,
--data DIR (a folder of Freqtrade's candles; without it a synthetic market), --jobs N (of the memory test, 1000), --only
PART… (speed, overhead, validation, memory),
--in-wall-time (wall clock instead of processor time: only where nothing else runs).
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

import psutil

from benchmarks.table import note, say, title
from benchmarks.unsandboxed import EMPTY
from cfsm.adapters.freqtrade.client import ForgeEngine
from cfsm.adapters.freqtrade.configs import freqtrade_config
from cfsm.adapters.market_data import Dataset, DatasetStore
from cfsm.adapters.templates import FAMILIES, render
from cfsm.application.ports import BrokenStrategy
from cfsm.domain.evaluation import Conditions, Job
from cfsm.domain.trades import trades_from
from tests.fakes.public_manner import STRATEGIES

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"
PAIRS = tuple(f"{coin}/USDT:USDT" for coin in ("BTC", "ETH", "SOL", "XRP", "BNB", "DOGE"))
PARTS = ("speed", "overhead", "validation", "memory")
_ROUNDS = 20


@dataclass(frozen=True)
class Measured:
    """One strategy: seconds by the command line and by the forge, stage by stage, and whether the trades agree."""

    name: str
    trades: int
    command_line: float
    forge: float
    stages: dict[str, float]
    same: bool

    @property
    def ratio(self) -> float:
        """How many times faster the forge is."""
        return self.command_line / self.forge


def main() -> int:
    """Measure and print; give 1 where trades differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategies", default="")
    parser.add_argument("--timerange", default="")
    parser.add_argument("--data", type=Path, default=SHARED / "binance" if SHARED.is_dir() else None)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--only", nargs="*", default=PARTS, choices=PARTS)
    parser.add_argument("--in-wall-time", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        dataset, timerange = market(Path(folder) / "data", options.data)
        conditions = Conditions(dataset=dataset.name, timerange=options.timerange or timerange)
        with ForgeEngine(Path(folder) / "f.sock", Path(folder) / "data", urgent=True) as engine:
            same = "speed" not in options.only or against_command_line(
                engine, dataset, conditions, options, Path(folder)
            )
            if "overhead" in options.only:
                overhead(engine, conditions, Path(folder) / "data", wall=options.in_wall_time)
            if "validation" in options.only:
                validation(engine, conditions)
            if "memory" in options.only:
                memory(engine, conditions, options.jobs)
    return 0 if same else 1


def market(folder: Path, data: Path | None) -> tuple[Dataset, str]:
    """Give a dataset of six pairs and a range of three months in it."""
    store = DatasetStore(folder)
    if data is not None:
        markets = SHARED / "api" / "ccxt_markets.binance-usdm.json"
        found = store.import_folder(data, "real", pairs=PAIRS, markets_file=markets if markets.is_file() else None)
        return found, "20250601-20250901"
    note("making a synthetic market")
    return store.synthesise("synthetic", pairs=PAIRS, start=date(2025, 1, 1), end=date(2025, 5, 1)), "20250115-20250415"


def jobs(conditions: Conditions, wanted: str) -> Iterator[Job]:
    """Give the strategies to be measured."""
    sources = {f"{family.title().replace('_', '')}Family": family for family in sorted(FAMILIES)}
    texts = {name: render(family, name, 7).source for name, family in sources.items()} | STRATEGIES
    names = [name for name in texts if not wanted or name in wanted.split(",")]
    for name in names:
        yield Job(f"bench-{name}", name, texts[name].encode(), conditions)


def against_command_line(
    engine: ForgeEngine, dataset: Dataset, conditions: Conditions, options: argparse.Namespace, folder: Path
) -> bool:
    """Measure every strategy both ways and print the distribution."""
    unit = "wall" if options.in_wall_time else "processor"
    title(f"backtests of {conditions.timerange}, six pairs ({unit} time)")
    results = []
    for job in jobs(conditions, options.strategies):
        note(job.strategy_name)
        results.append(measure(engine, dataset, job, folder, wall=options.in_wall_time))
        found = results[-1]
        stages = " ".join(f"{name} {seconds:.2f}" for name, seconds in found.stages.items())
        beside = f"{found.command_line:.2f} s -> {found.forge:.2f} s, {found.trades} trades; {stages}"
        say(found.name, found.ratio, "times", beside=beside if found.same else f"OTHER TRADES {beside}")
    ratios = sorted(found.ratio for found in results)
    say("median", statistics.median(ratios), "times", at_least=15)
    say("slowest", ratios[0], "times", at_least=3)
    say("same trades", sum(found.same for found in results), "strategies", at_least=len(results))
    return all(found.same for found in results)


def measure(engine: ForgeEngine, dataset: Dataset, job: Job, folder: Path, *, wall: bool) -> Measured:
    """Backtest one strategy both ways; the forge's is its second run, as its candles are warm in service."""
    with stopwatch(wall=wall) as theirs:
        report = by_command_line(job, dataset, folder / job.strategy_name)
    try:
        engine.backtest(job, lambda *_: None)
        with stopwatch(engine, wall=wall) as ours:
            outcome = engine.backtest(job, lambda *_: None)
    except BrokenStrategy as error:
        note(f"{job.strategy_name}: {error}")
        return Measured(job.strategy_name, 0, theirs[0], 1.0, {}, same=False)
    trades = [replace(trade, liquidation_price=None) for trade in outcome.trades]
    same = trades == list(trades_from(report["trades"]))
    return Measured(job.strategy_name, len(trades), theirs[0], ours[0], dict(outcome.stage_seconds), same)


@contextmanager
def stopwatch(engine: ForgeEngine | None = None, *, wall: bool) -> Iterator[list[float]]:
    """Give a list that holds, afterwards, the seconds that children took: this process's, or the forge and its own."""
    process = psutil.Process(int(engine.status()["pid"]) if engine else None)

    def spent() -> float:
        times = process.cpu_times()
        ended = float(times.children_user + times.children_system)
        return ended if engine is None else ended + times.user + times.system + alive(process)

    before, began, result = spent(), time.perf_counter(), [0.0]
    yield result
    result[0] = time.perf_counter() - began if wall else spent() - before


def alive(process: psutil.Process) -> float:
    """Give the processor time, in seconds, of the children that a process has now."""
    return float(sum(sum(child.cpu_times()[:4]) for child in process.children(recursive=True)))


def by_command_line(job: Job, dataset: Dataset, folder: Path) -> dict[str, object]:
    """Run ``freqtrade backtesting`` and give the strategy's part of its report."""
    strategies = folder / "user_data" / "strategies"
    strategies.mkdir(parents=True)
    (strategies / f"{job.strategy_name}.py").write_bytes(job.source)
    (folder / "config.json").write_text(json.dumps(freqtrade_config(job.conditions, dataset.pairs)))
    command = [sys.executable, "-m", "tests.fakes.freqtrade_cli", str(dataset.markets_path), "backtesting"]
    options = {
        "--config": folder / "config.json",
        "--strategy": job.strategy_name,
        "--user-data-dir": folder / "user_data",
        "--datadir": dataset.folder,
        "--timerange": job.conditions.timerange,
        "--cache": "none",
        "--export": "trades",
        "--backtest-directory": folder,
    }
    arguments = [str(word) for option in options.items() for word in option]
    subprocess.run([*command, *arguments, "--enable-protections"], cwd=ROOT, check=True, capture_output=True)
    (archive,) = folder.glob("*.zip")
    with zipfile.ZipFile(archive) as opened:
        content = json.loads(opened.read(archive.with_suffix(".json").name))
    report: dict[str, object] = content["strategy"][job.strategy_name]
    return report


def overhead(engine: ForgeEngine, conditions: Conditions, datasets: Path, *, wall: bool) -> None:
    """Print what sandbox, forks, socket and checks cost: a job in the forge against the same work in one process."""
    title("an empty strategy")
    job = Job("empty", "EmptyStrategy", EMPTY.encode(), conditions)
    engine.backtest(job, lambda *_: None)
    with stopwatch(engine, wall=wall) as sandboxed:
        for _ in range(_ROUNDS):
            engine.backtest(job, lambda *_: None)
    command = [sys.executable, "-m", "benchmarks.unsandboxed", str(datasets), str(_ROUNDS), *(["--wall"] * wall)]
    asked = json.dumps(asdict(conditions))
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, input=asked, text=True)
    bare_ms = float(done.stdout) * 1000
    caged_ms = sandboxed[0] / _ROUNDS * 1000
    say("in the forge", caged_ms, "ms")
    say("the same work, unsandboxed", bare_ms, "ms")
    say("more", caged_ms - bare_ms, "ms", at_most=60)


def validation(engine: ForgeEngine, conditions: Conditions) -> None:
    """Print how long validations take."""
    title("validation")
    for name in ("EmaCross", "HourlyTrendFilter", "TimedStop"):
        job = Job(f"validate-{name}", name, STRATEGIES[name].encode(), conditions)
        outcome = engine.validate(job, lambda *_: None)
        say(f"{name} ({outcome.verdict.value})", outcome.seconds, "s", at_most=2)


def memory(engine: ForgeEngine, conditions: Conditions, count: int) -> None:
    """Print what the warm process holds, and whether many jobs make it grow."""
    title("memory")
    whole = replace(conditions, timerange="")
    engine.validate(Job("whole", "EmptyStrategy", EMPTY.encode(), whole), lambda *_: None)
    before = engine.status()
    say("warm process, six pairs of 5m", float(before["memory_mb"]), "MB", at_most=700)
    broken = Job("many", "EmptyStrategy", EMPTY.replace("stoploss = -0.5", "stoploss = 0.5").encode(), conditions)
    for _ in range(count):
        engine.validate(broken, lambda *_: None)
    grown = float(engine.status()["memory_mb"]) - float(before["memory_mb"])
    say(f"growth over {count} jobs", grown, "MB", at_most=5)


if __name__ == "__main__":
    sys.exit(main())
