"""A factory's home with a past: a story told into a real event store, and ``cfsm`` called on it in this process."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from cfsm.bootstrap import House
from cfsm.cli.root import main
from tests.fakes.story import Story, figures


class StoredStory(Story):
    """A story whose events are recorded by the factory, at the story's own times."""

    def __init__(self, factory):
        super().__init__()
        self._factory = factory

    def record(self, *aggregates):
        self._factory.transact(lambda: aggregates)


NAMES = (
    "TrendStrategy_a_20260101_000000",
    "MomentumStrategy_b_20260101_000000",
    "VolatilityStrategy_c_20260101_000000",
)


def house_at(home: Path) -> House:
    """Give the house of a home, whatever this process's environment says."""
    return House.at(home, file=None, profile=None, environ={})


def tell(home: Path) -> None:
    """Fill a new home: two backtested strategies, of which one is retired, one refused, a parked task, a cleaning."""
    factory = house_at(home).open_factory("tester@here")
    story = StoredStory(factory)
    best = story.generate(NAMES[0], generation=story.request(), strategy_type="trend")
    story.validate(best)
    story.backtest(best, figures(0.2))
    weak = story.backtested(NAMES[1], sr=-0.1, profit_total=-0.3)
    refused = story.generate(NAMES[2])
    story.complete(story.start(refused), {}, verdict="rejected")
    story.retire(refused)
    story.park()
    story.clean()
    story.retire(weak)
    factory.close()


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return orjson.loads(self.out)

    @property
    def json_lines(self):
        return [orjson.loads(line) for line in self.out.splitlines()]


class Cli:
    """Calls ``cfsm`` on a home."""

    def __init__(self, home, capfd):
        self.home = home
        self._capfd = capfd

    def __call__(self, *arguments):
        self._capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["--home", str(self.home), *map(str, arguments)])
        sys.stdout.flush()
        out, err = self._capfd.readouterr()
        return Result(int(ended.value.code or 0), out, err)


def start(home, *arguments, **options):
    """Call ``cfsm`` in a process of its own, and give the process."""
    environ = {**os.environ, "CFSM_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-m", "cfsm", *map(str, arguments)], env=environ, **{**pipes, **options})


def until(holds, process=None, seconds=90):
    """Wait until it holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
