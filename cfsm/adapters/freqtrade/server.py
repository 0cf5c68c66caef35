"""The forge's process: ``python -m cfsm.adapters.freqtrade.server --socket PATH --datasets DIR``.

It starts itself again without its environment, imports Freqtrade, then serves a unix socket: requests in, progress
and one result out. It runs no strategy itself. A client that hangs up calls its request off.
"""

import argparse
import os
import sys
from pathlib import Path

from cfsm.adapters.systemd import Notifier

_KEPT = (
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_PID",
    "CFSM_SUPERVISOR_FD",
    "CFSM_LISTENER_FD",
    "JOURNAL_STREAM",
    "CFSM_LOG",
)
_WARM_UP_SECONDS = 300.0
"""Importing Freqtrade takes seconds, or a minute on a machine that is busy or reads it for the first time."""

_CLEAN = "CFSM_FORGE_CLEAN"
_ENVIRONMENT = {
    _CLEAN: "1",
    "PATH": "/usr/bin:/bin",
    "HOME": "/nonexistent",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",  # sets of text in the same order in every run
    "NUMEXPR_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    # Candles lie in mappings of their own and in huge pages: a fork has less to copy.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=131072",
}


def main(arguments: list[str]) -> int:
    """Serve until told to stop; give the exit status."""
    options = _parser().parse_args(arguments)
    if os.environ.get(_CLEAN) != "1":
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        own = [sys.executable, "-m", "cfsm.adapters.freqtrade.server", *arguments]
        os.execve(sys.executable, own, _ENVIRONMENT | kept)  # noqa: S606 (no shell is wanted)
    Notifier.from_environment(os.environ).extend_timeout(_WARM_UP_SECONDS)
    from cfsm.adapters.freqtrade.forge import serve  # noqa: PLC0415 (imports Freqtrade; not before the environment is clean)

    return serve(options, [sys.executable, "-m", "cfsm.adapters.freqtrade.server", *arguments])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cfsm-forge", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--socket", type=Path, required=True, help="the unix socket to serve")
    parser.add_argument("--datasets", type=Path, required=True, help="the folder of datasets")
    parser.add_argument("--slots", type=int, default=len(os.sched_getaffinity(0)), help="runs side by side")
    parser.add_argument("--lifeline", action="store_true", help="end when standard input is closed")
    parser.add_argument("--recycle-mb", type=int, default=1500, help="start afresh above this memory, when idle")
    parser.add_argument("--recycle-hours", type=float, default=12.0, help="start afresh after this time, when idle")
    parser.add_argument(
        "--idle-exit-seconds", type=float, default=0, help="end when nobody asked for so long; 0: never"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
