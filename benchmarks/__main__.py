"""All benchmarks, one after the other, with their targets: ``python -m benchmarks [--quick] [NAME…]``.

NAME is event_store, projections, supervisor, generation, factory, forge, validation, hyperopt, idle, market or systemd.
--quick measures less, to see that they work. Figures depend on what else the machine does: close other programs.
"""

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence

from benchmarks.table import title

QUICK: Mapping[str, Sequence[str]] = {
    "event_store": ("--events", "50000"),
    "projections": ("--events", "50000"),
    "supervisor": ("--seconds", "5"),
    "generation": ("--rounds", "1"),
    "factory": ("--events", "20000", "--seconds", "10", "--no-demo"),
    "forge": ("--strategies", "EmaCross,TimedStop,TrendFamily", "--jobs", "30"),
    "validation": ("--strategies", "EmaCross,TimedStop,TrendFamily"),
    "hyperopt": ("--strategies", "trend", "--epochs", "10"),
    "idle": ("--seconds", "10"),
    "systemd": ("--seconds", "5"),
    "market": ("--hours", "1", "--live-hours", "0.5", "--bots", "2", "--seconds", "3"),
}
"""Every benchmark, with the options that make it quick."""


def main() -> int:
    """Run them; give the exit code of the last that failed, 0 if none did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*QUICK, []], metavar="NAME")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    failed = 0
    for name in options.names or QUICK:
        title(f"benchmarks.{name}")
        given = QUICK[name] if options.quick else ()
        failed = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *given], check=False).returncode or failed
    return failed


if __name__ == "__main__":
    sys.exit(main())
