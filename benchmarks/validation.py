"""How long validations take: ``python -m benchmarks.validation [--strategies NAME,…]``.

The predefined families and twenty strategies in the manner of public ones are validated by the warm forge, on six pairs
and three months; all of them are honest, so all have to be accepted. Options as of ``benchmarks.forge``.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.forge import SHARED, jobs, market, stopwatch
from benchmarks.table import note, say, title
from cfsm.adapters.freqtrade.client import ForgeEngine
from cfsm.domain.evaluation import Conditions, Verdict


def main() -> int:
    """Measure and print; give 1 where an honest strategy is not accepted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategies", default="")
    parser.add_argument("--data", type=Path, default=SHARED / "binance" if SHARED.is_dir() else None)
    parser.add_argument("--in-wall-time", action="store_true")
    options = parser.parse_args()
    took, refused = [], 0
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        dataset, timerange = market(Path(folder) / "data", options.data)
        conditions = Conditions(dataset=dataset.name, timerange=timerange)
        title(f"validations of {timerange}, six pairs ({'wall' if options.in_wall_time else 'processor'} time)")
        with ForgeEngine(Path(folder) / "f.sock", Path(folder) / "data", urgent=True) as engine:
            for job in jobs(conditions, options.strategies):
                note(job.strategy_name)
                engine.validate(job, lambda *_: None)  # warms the candles that it reads
                with stopwatch(engine, wall=options.in_wall_time) as seconds:
                    outcome = engine.validate(job, lambda *_: None)
                took.append(seconds[0])
                refused += outcome.verdict is not Verdict.ACCEPTED
                found = " ".join(each.code for each in outcome.findings)
                say(job.strategy_name, seconds[0], "s", beside=f"{outcome.verdict.value} {found}".rstrip())
    say("median", statistics.median(took), "s", at_most=2)
    say("slowest", max(took), "s")
    say("accepted", len(took) - refused, "strategies", at_least=len(took))
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
