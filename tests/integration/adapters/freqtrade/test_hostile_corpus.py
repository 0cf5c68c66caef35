"""Hostile strategies with harmless markers: the policy refuses what it sees, the cage holds what it does not see."""

import base64
import contextlib
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cfsm.adapters.freqtrade.client import ForgeEngine
from cfsm.application.ports import BrokenStrategy
from cfsm.domain.evaluation import Conditions, Job, Limits, Verdict

CORPUS = Path(__file__).parents[5] / "shared" / "corpora" / "hostile.jsonl"
CONDITIONS = Conditions(dataset="synthetic")
LIMITS = Limits(wall_seconds=15, cpu_seconds=15, memory_mb=600)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CORPUS.is_file(), reason="the corpus of hostile strategies is not beside this checkout"),
]

CASES = [json.loads(line) for line in CORPUS.read_text().splitlines()] if CORPUS.is_file() else []
HOSTILE = [case for case in CASES if case["goal"] != "benign"]
BENIGN = [case for case in CASES if case["goal"] == "benign"]
SECRET = "canary-4711-abcdef"


class Bait:
    """What the strategies are after, and how to see that they got it."""

    def __init__(self, folder):
        self.markers = folder / "markers"
        self.markers.mkdir()
        self.canary = folder / "canary.txt"
        self.canary.write_text(SECRET)
        self.peer = folder / "peer.py"
        self.peer.write_text(f"HOUSE_EDGE = '{SECRET}'\n")
        self.store = folder / "events.db"
        with sqlite3.connect(self.store) as database:
            database.execute("CREATE TABLE stored_events (topic TEXT)")
            database.execute("INSERT INTO stored_events VALUES ('Generated')")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(folder / "notify"))
        self.notify.setblocking(False)
        self.victim = subprocess.Popen(["sleep", "600"])
        self.folder = folder

    def fill(self, source):
        values = {
            "CANARY_READ": self.canary,
            "MARKER_DIR": self.markers,
            "LISTENER_HOST": "127.0.0.1",
            "LISTENER_PORT": self.listener.getsockname()[1],
            "SECRET_ENV": "CFSM_TEST_SECRET",
            "EVENT_STORE": self.store,
            "VICTIM_PID": self.victim.pid,
            "MEM_GB": 2,
            "FORKS": 20,
            "DISK_GB": 0.05,
            "WRITABLE_DIR": self.folder,
            "FLOOD_MB": 50,
            "NOTIFY_SOCK": self.folder / "notify",
            "PEER_STRATEGY": self.peer,
        }
        return re.sub(r"\{\{(\w+)\}\}", lambda match: str(values[match[1]]), source).encode()

    def taken(self):
        """Name everything that a strategy got."""
        got = [path.name for path in self.markers.iterdir()]
        got += [path.name for path in self.folder.iterdir() if path.stat().st_size > 1_000_000]
        got += ["the victim"] if self.victim.poll() is not None else []
        with sqlite3.connect(self.store) as database:
            got += ["the store"] if database.execute("SELECT count(*) FROM stored_events").fetchone() != (1,) else []
        for name, bait in (("a connection", self.listener.accept), ("a notification", lambda: self.notify.recv(99))):
            try:
                bait()
            except BlockingIOError:
                continue
            got.append(name)
        return got

    def close(self):
        self.listener.close()
        self.notify.close()
        self.victim.kill()
        self.victim.wait()


@pytest.fixture
def bait(tmp_path):
    bait = Bait(tmp_path)
    yield bait
    bait.close()


@pytest.fixture(scope="module")
def lawless(datasets, tmp_path_factory):
    """A forge without the policy; its environment holds a secret."""
    path = tmp_path_factory.mktemp("run") / "f.sock"
    command = [sys.executable, "-m", "tests.fakes.lawless_forge", "--socket", str(path), "--datasets", str(datasets)]
    environment = {"PATH": os.environ["PATH"], "CFSM_TEST_SECRET": SECRET, "NUMEXPR_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, cwd=Path(__file__).parents[4])
    engine = ForgeEngine(path)
    end = time.monotonic() + 60
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.05)
    yield engine
    process.terminate()
    process.wait(20)


def disguises(secret):
    raw = secret.encode()
    return [secret, secret[::-1], raw.hex(), base64.b64encode(raw).decode()]


def said(engine, job):
    """Everything that a run gives back, as text."""
    answers = []
    for ask in (engine.validate, engine.backtest):
        try:
            answers.append(repr(ask(job, lambda *_: None)))
        except BrokenStrategy as error:
            answers.append(repr(error.findings))
    return "\n".join(answers)


@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: f"{case['id']} {case['title']}")
def test_hostile_strategies_are_contained_without_the_policy(case, bait, lawless):
    job = Job("run", case["class_name"], bait.fill(case["source"]), CONDITIONS, limits=LIMITS)

    answers = said(lawless, job)

    assert bait.taken() == []
    assert not any(secret in answers for secret in disguises(SECRET))
    assert len(answers) < 2_000_000


@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: f"{case['id']} {case['title']}")
def test_hostile_strategies_are_not_accepted(case, bait, forge):
    job = Job("run", case["class_name"], bait.fill(case["source"]), CONDITIONS, limits=LIMITS)

    outcome = forge.validate(job, lambda *_: None)

    if case["static_detectable"]:
        assert outcome.verdict is Verdict.UNSAFE
    elif case["goal"] in {"exhaust", "forge_result"} and case["id"] != "d12":  # printing into nowhere harms nobody
        assert outcome.verdict is Verdict.REJECTED
    assert bait.taken() == []


@pytest.mark.parametrize(
    "case", [case for case in HOSTILE if case["goal"] == "forge_result"], ids=lambda case: case["id"]
)
def test_forged_results_are_not_believed(case, bait, lawless):
    job = Job("run", case["class_name"], bait.fill(case["source"]), CONDITIONS, limits=LIMITS)

    believed = []
    with contextlib.suppress(BrokenStrategy):
        believed.append(lawless.backtest(job, lambda *_: None).statistics["profit_total"])

    assert all(profit < 5 for profit in believed)


@pytest.mark.parametrize("case", BENIGN, ids=lambda case: f"{case['id']} {case['title']}")
def test_benign_look_alikes_are_accepted_and_trade(case, bait, forge):
    job = Job("run", case["class_name"], bait.fill(case["source"]), CONDITIONS)

    assert forge.validate(job, lambda *_: None).verdict is Verdict.ACCEPTED
    assert forge.backtest(job, lambda *_: None).trades


def test_a_strategy_does_not_change_what_the_next_one_gets(bait, lawless):
    (attack,) = [case for case in HOSTILE if case.get("chain")]
    peer = BENIGN[0]
    job = Job("run", peer["class_name"], bait.fill(peer["source"]), CONDITIONS)
    alone = lawless.backtest(job, lambda *_: None)

    said(lawless, Job("run", attack["class_name"], bait.fill(attack["source"]), CONDITIONS))

    assert lawless.backtest(job, lambda *_: None).result_hash == alone.result_hash
