"""The forge's work without the forge: an empty strategy again and again in this one process, with no sandbox.

``python -m benchmarks.unsandboxed DATASETS ROUNDS [--wall] < CONDITIONS``: prints the seconds that one takes.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from cfsm.adapters.freqtrade import caged_run, conclusion
from cfsm.adapters.freqtrade.protocol import Ask, Kind, Request
from cfsm.adapters.freqtrade.warm_up import warm_up
from cfsm.adapters.freqtrade.workshop import Workshop
from cfsm.domain.evaluation import Conditions, Job

EMPTY = """\
from freqtrade.strategy import IStrategy


class EmptyStrategy(IStrategy):
    timeframe = "5m"
    minimal_roi = {"0": 1.0}
    stoploss = -0.5

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe
"""


def main(datasets: Path, rounds: int, *, wall: bool) -> None:
    """Run the rounds and print."""
    plain = json.load(sys.stdin)
    conditions = Conditions(**plain | {"pairs": tuple(plain["pairs"])})
    job = Job("bare", "EmptyStrategy", EMPTY.encode(), conditions)
    clock = time.perf_counter if wall else time.process_time
    warm_up()
    with tempfile.TemporaryDirectory(prefix="bare") as scratch:
        workshop = Workshop(datasets, Path(scratch))
        (Path(scratch) / "EmptyStrategy.py").write_bytes(job.source)
        began = 0.0
        for number in range(rounds + 1):  # the first warms up
            if number == 1:
                began = clock()
            run(workshop, job, Path(scratch))
        print((clock() - began) / rounds)


def run(workshop: Workshop, job: Job, folder: Path) -> None:
    """Do what the forge does for a backtest, without forks."""
    list(workshop.prepare(job, lambda *_: None))
    request, prepared = Request(Ask.BACKTEST, job), workshop.prepared(job)
    said: list[tuple[Kind, bytes]] = []
    caged_run.run(request, prepared, folder, lambda kind, content: said.append((kind, content)))
    raw = said[-1][1]
    conclusion.conclude(
        request, prepared, raw, conclusion.Measured(0.0), lambda kind, content: said.append((kind, content))
    )
    if said[-1][0] is not Kind.RESULT:
        raise SystemExit(said[-1][1].decode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), wall="--wall" in sys.argv)
