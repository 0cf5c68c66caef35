"""Bells: who follows the log wakes when something is recorded, whoever recorded it and however that one ended."""

import os
import signal
import subprocess
import sys
import threading

from cfsm.adapters.event_store.opening import open_bell
from tests.fakes.stores import generate

LONG = 20.0
"""Longer than any of these waits: a bell that does not ring fails its test by its False, or by the clock."""


def test_a_commit_of_another_process_rings(opened, bell):
    other = opened("other@here")
    rang = []
    follower = threading.Thread(target=lambda: rang.append(bell.wait(LONG)))
    follower.start()

    generate(other, [1])
    follower.join(LONG / 2)

    assert rang == [True]


def test_it_rings_for_every_follower(factory, home, terms):
    bells = [open_bell(home, terms) for _ in range(3)]

    generate(factory, [1])

    assert [bell.wait(LONG) for bell in bells] == [True] * 3
    for bell in bells:
        bell.close()


def test_what_was_recorded_before_one_waits_is_not_missed(factory, bell):
    generate(factory, range(3))

    assert bell.wait(LONG)


def test_many_rings_are_one_look(factory, home, terms, monkeypatch):
    bell = open_bell(home, terms)
    generate(factory, range(300))

    assert bell.wait(LONG)
    looks = 0
    while bell.wait(0) and looks < 5:
        looks += 1

    assert looks < 5 or terms.is_postgres  # PostgreSQL's bell always asks to look
    bell.close()


WRITER = """
import os, signal, sys
from pathlib import Path
from cfsm.adapters.clock import SystemClock
from cfsm.adapters.event_store.opening import StoreTerms, open_factory
from tests.fakes.stores import generate

factory = open_factory(Path(sys.argv[1]), eval(sys.argv[2]), actor="doomed", clock=SystemClock())
factory._ring = lambda: os.kill(os.getpid(), signal.SIGKILL)
generate(factory, [1])
"""


def test_a_writer_killed_between_its_commit_and_the_ring_is_noticed(factory, bell, home, terms):
    writer = subprocess.run(
        [sys.executable, "-c", WRITER, home, repr(terms)], env={**os.environ, "PYTHONPATH": "."}, check=False
    )
    assert writer.returncode == -signal.SIGKILL

    assert bell.wait(0)
    assert factory.store.head() == 1


def test_closing_a_bell_twice_is_no_matter(bell):
    bell.close()
    bell.close()
