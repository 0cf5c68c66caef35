"""Epochs per minute against ``freqtrade hyperopt``: ``python -m benchmarks.hyperopt``.

For each strategy ``freqtrade hyperopt`` tries so many epochs; the forge then tries the same candidates, on as many
cores, as an optimisation does. Trades, profits and drawdowns, and so any loss, must be the same. Options: --strategies
NAME,… , --epochs N (40), --timerange, --data DIR (a folder of Freqtrade's candles; without it a synthetic market),
--in-wall-time (wall clock on all cores instead of processor time on one: only where nothing else runs).
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.forge import ROOT, SHARED, alive, market
from benchmarks.table import note, say, title
from cfsm.adapters.freqtrade.client import ForgeEngine
from cfsm.adapters.freqtrade.configs import freqtrade_config
from cfsm.adapters.market_data import Dataset
from cfsm.adapters.optuna_search import OptunaSearch
from cfsm.adapters.templates import FAMILIES, render
from cfsm.domain.evaluation import Conditions, Job
from cfsm.domain.hyperopt import Epoch, loss_of
from cfsm.workers.optimizer import ROUND
from cfsm.workers.side_by_side import SideBySide

SPACES = ("buy", "sell", "roi", "stoploss", "trailing")
LOSS = "SharpeHyperOptLossDaily"
SEED = 7


@dataclass(frozen=True)
class Measured:
    """One strategy: seconds for all epochs without the start, and how many of them agree."""

    epochs: int
    theirs: float
    ours: float
    same: int
    trades: float

    @property
    def ratio(self) -> float:
        """How many times as many epochs a minute the forge tries."""
        return self.theirs / self.ours


def main() -> int:
    """Measure and print; give 1 where an epoch differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategies", default=",".join(sorted(FAMILIES)))
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--timerange", default="")
    parser.add_argument("--data", type=Path, default=SHARED / "binance" if SHARED.is_dir() else None)
    parser.add_argument("--in-wall-time", action="store_true")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if options.in_wall_time else 1
    with tempfile.TemporaryDirectory(prefix="bench") as folder, ExitStack() as stack:
        dataset, timerange = market(Path(folder) / "data", options.data)
        conditions = Conditions(dataset=dataset.name, timerange=options.timerange or timerange)
        path = Path(folder) / "f.sock"
        engines = [stack.enter_context(ForgeEngine(path, Path(folder) / "data")) for _ in range(cores)]
        unit = f"wall time on {cores} cores" if options.in_wall_time else "processor time"
        title(f"hyperopt of {conditions.timerange}, six pairs, {options.epochs} epochs ({unit})")
        found = []
        for family in options.strategies.split(","):
            note(family)
            name = f"{family.title().replace('_', '')}Family"
            job = Job(f"bench-{family}", name, render(family, name, SEED).source.encode(), conditions)
            found.append(measure(engines, dataset, job, Path(folder) / name, options.epochs, wall=options.in_wall_time))
            show(name, found[-1])
    say("median", statistics.median(each.ratio for each in found), "times", at_least=5)
    say("slowest", min(each.ratio for each in found), "times")
    whole = sum(each.epochs for each in found)
    say("same epochs", sum(each.same for each in found), "epochs", at_least=whole)
    return 0 if sum(each.same for each in found) == whole else 1


def show(name: str, found: Measured) -> None:
    """Print one strategy's line."""
    a_minute = [60 * found.epochs / seconds for seconds in (found.theirs, found.ours)]
    beside = f"{a_minute[0]:.0f} -> {a_minute[1]:.0f} epochs a minute, {found.trades:.0f} trades in the mean"
    say(name, found.ratio, "times", beside=beside)


def measure(
    engines: Sequence[ForgeEngine], dataset: Dataset, job: Job, folder: Path, epochs: int, *, wall: bool
) -> Measured:
    """Let both try the same epochs."""
    records, theirs = by_command_line(job, dataset, folder, epochs, len(engines), wall=wall)
    candidates = [each["params_dict"] for each in records]
    trials = SideBySide(engines)
    dimensions = engines[0].spaces(job, SPACES, lambda *_: None).dimensions  # its candles are warm in service
    with stopwatch(engines[0], wall=wall) as ours:
        search = OptunaSearch(dimensions, 1)
        found: list[Epoch] = []
        for first in range(0, len(candidates), ROUND):
            asked = candidates[first : first + ROUND]
            search.ask(len(asked))
            latest = trials.try_all(job, SPACES, asked, lambda _: None)
            search.tell([loss_of(each, 1) for each in latest])
            found += latest
    same = sum(is_same(*pair) for pair in zip(records, found, strict=True))
    trades = statistics.mean(each.figures.get("total_trades", 0) for each in found)
    return Measured(len(candidates), theirs, ours[0], same, trades)


def is_same(record: Mapping[str, Any], epoch: Epoch) -> bool:
    """Say whether the forge's epoch is Freqtrade's: trades, profit, and the loss that follows from them."""
    metrics, figures = record["results_metrics"], epoch.figures
    return (
        metrics["total_trades"] == figures["total_trades"]
        and math.isclose(metrics["profit_total_abs"], figures["profit_total_abs"], rel_tol=1e-9, abs_tol=1e-6)
        and math.isclose(metrics["max_drawdown_abs"], figures["max_drawdown_abs"], rel_tol=1e-6, abs_tol=1e-6)
    )


def by_command_line(
    job: Job, dataset: Dataset, folder: Path, epochs: int, cores: int, *, wall: bool
) -> tuple[list[dict[str, Any]], float]:
    """Run ``freqtrade hyperopt``; give its epochs, and the seconds that they took beyond those of one epoch alone."""
    strategies = folder / "user_data" / "strategies"
    (folder / "user_data" / "hyperopt_results").mkdir(parents=True)
    strategies.mkdir()
    (strategies / f"{job.strategy_name}.py").write_bytes(job.source)
    (folder / "config.json").write_text(json.dumps(freqtrade_config(job.conditions, dataset.pairs)))
    seconds = [hyperopt(job, dataset, folder, count, cores, wall=wall) for count in (cores, epochs + cores)]
    (_, last) = sorted(
        (folder / "user_data" / "hyperopt_results").glob("*.fthypt"), key=lambda path: path.stat().st_mtime
    )
    records = [json.loads(line) for line in last.read_text().splitlines()]
    return records[cores:], seconds[1] - seconds[0]


def hyperopt(job: Job, dataset: Dataset, folder: Path, epochs: int, cores: int, *, wall: bool) -> float:
    """Run it once and give its seconds."""
    command = [sys.executable, "-m", "tests.fakes.freqtrade_cli", str(dataset.markets_path), "hyperopt"]
    options = {
        "--config": folder / "config.json",
        "--strategy": job.strategy_name,
        "--user-data-dir": folder / "user_data",
        "--datadir": dataset.folder,
        "--timerange": job.conditions.timerange,
        "--hyperopt-loss": LOSS,
        "--epochs": epochs,
        "--job-workers": cores,
        "--random-state": 1,
        "--min-trades": 1,
    }
    arguments = [str(word) for option in options.items() for word in option]
    with stopwatch(None, wall=wall) as spent:
        subprocess.run(
            [*command, *arguments, "--spaces", *SPACES, "--enable-protections", "--disable-param-export"],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
    return spent[0]


@contextmanager
def stopwatch(engine: ForgeEngine | None, *, wall: bool) -> Iterator[list[float]]:
    """Give a list that holds, afterwards, the seconds that this process, its children and the forge took."""
    forge = psutil.Process(int(engine.status()["pid"])) if engine else None

    def spent() -> float:
        own = sum(psutil.Process().cpu_times()[:4])
        return own if forge is None else own + sum(forge.cpu_times()[:4]) + alive(forge)

    before, began, result = spent(), time.perf_counter(), [0.0]
    yield result
    result[0] = time.perf_counter() - began if wall else spent() - before


if __name__ == "__main__":
    sys.exit(main())
