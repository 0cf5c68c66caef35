"""A process that forks writers and workers of an event store, to be killed with no notice; warm, so that many die fast."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from cfsm.adapters.event_store.opening import StoreTerms

MAIN = """
import os, sys, time
from pathlib import Path
from uuid import UUID
from cfsm.adapters.blobs import BlobFolder
from cfsm.adapters.clock import SystemClock
from cfsm.adapters.event_store.opening import StoreTerms, open_factory
from cfsm.application.tasks import LeaseLost
from cfsm.domain.strategy import Strategy
from tests.fakes.stores import strategy

acknowledged, terms = sys.argv[1], eval(sys.argv[2])
if terms.is_postgres:
    import cfsm.adapters.event_store.postgres

def write(home, number):
    note = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    factory = open_factory(home, terms, actor="doomed", clock=SystemClock())
    blobs = BlobFolder(home / "blobs")
    while True:
        code = blobs.put(b"# %d\\n" % number + os.urandom(number % 7 * 10_000))
        factory.transact(lambda: [strategy(number, factory.stamp(), code_hash=code)])
        os.write(note, b"%d\\n" % number)
        number += 1

def work(home, number):
    note = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    factory = open_factory(home, terms, actor="doomed-%d" % number, clock=SystemClock())
    while True:
        factory.plan()
        claim = factory.claim(["validate", "backtest"], 0.05)
        if claim is None:
            time.sleep(0.001)
            continue
        def decide():
            found = factory.get(Strategy, UUID(claim.subject))
            stamp = factory.stamp(claim)
            if claim.kind == "validate":
                found.record_validation(claim.key, [], stamp)
            else:
                found.record_backtest(claim.key, "2025", "r", {}, stamp)
            return [found]
        try:
            factory.transact(decide, claim)
        except LeaseLost:
            continue
        os.write(note, b"%d\\n" % claim.cause_id)

for line in sys.stdin:
    home, what, number = line.split()
    pid = os.fork()
    if pid == 0:
        {"write": write, "work": work}[what](Path(home), int(number))
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


class DoomedWriters:
    """Starts writers one after the other; ``acknowledged`` is what they said was recorded."""

    def __init__(self, terms: StoreTerms, notes: Path) -> None:
        self._notes = notes
        self._process = subprocess.Popen(
            [sys.executable, "-c", MAIN, notes, repr(terms)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": "."},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def start(self, home: Path, number: int, what: str = "write") -> int:
        """Start one that writes strategies from this number on, or does the work that is due; give its pid."""
        self._process.stdin.write(f"{home} {what} {number}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def kill(self, pid: int) -> None:
        """Kill it at once. It must have been at work until then."""
        os.kill(pid, signal.SIGKILL)
        assert int(self._process.stdout.readline()) == -signal.SIGKILL

    @property
    def acknowledged(self) -> list[int]:
        return [int(line) for line in self._notes.read_text().split()] if self._notes.exists() else []
