"""kill -9 of writers at any moment: what was acknowledged is there, nothing is half there, the chain holds."""

import random
import time
from contextlib import closing

import pytest

from cfsm.adapters.blobs import BlobFolder
from cfsm.adapters.event_store.opening import StoreTerms, open_factory
from cfsm.application.blob_references import blobs_of
from cfsm.domain.log import pages
from cfsm.domain.strategy import Strategy
from tests.fakes.doomed_writers import DoomedWriters
from tests.fakes.stores import SetClock, generate, name

KILLS = 40


def opened(home, terms):
    return closing(open_factory(home, terms, actor="tester", clock=SetClock()))


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_killed_writers_lose_nothing_and_leave_nothing_half(tmp_path, request, engine):
    terms = request.getfixturevalue("postgres").terms() if engine == "postgres" else StoreTerms()
    home, moment = tmp_path / "home", random.Random(7)
    with opened(home, terms):
        pass

    with DoomedWriters(terms, tmp_path / "acknowledged") as writers:
        for kill in range(KILLS):
            wanted = len(writers.acknowledged) + moment.choice([0, 1, 2, 4])
            pid = writers.start(home, 1_000 * kill)
            while len(writers.acknowledged) < wanted:
                time.sleep(0.001)
            time.sleep(moment.uniform(0, 0.03))
            writers.kill(pid)
        acknowledged = writers.acknowledged

    assert len(acknowledged) >= KILLS
    with opened(home, terms) as factory:
        assert factory.store.verify_chain().broken is None
        entries = list(pages(factory.store.read, factory.store.head()))
        blobs = BlobFolder(home / "blobs")
        for entry in entries:
            for blob_hash in blobs_of(entry):
                assert blobs.get(blob_hash)
        recorded = {entry.originator_id for entry in entries}
        assert {Strategy.id_of(name(number)).hex for number in acknowledged} <= recorded
        assert len(recorded) == len(entries)  # each a stream of one event
        assert len(entries) <= len(acknowledged) + KILLS  # at most one each was on its way to be acknowledged
        generate(factory, [999_999])


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_killed_workers_do_every_task_once(tmp_path, request, engine):
    terms = request.getfixturevalue("postgres").terms() if engine == "postgres" else StoreTerms()
    home, moment, strategies = tmp_path / "home", random.Random(10), 150
    with opened(home, terms) as factory:
        made = generate(factory, range(strategies))

        with DoomedWriters(terms, tmp_path / "acknowledged") as workers:
            kills = 0
            while factory.store.head() < 3 * strategies:
                wanted = factory.store.head() + moment.choice([0, 1, 3, 8])
                pid = workers.start(home, kills, "work")
                while factory.store.head() < min(wanted, 3 * strategies):
                    time.sleep(0.001)
                time.sleep(moment.uniform(0, 0.01))
                workers.kill(pid)
                kills += 1
            factory.plan()

        assert factory.store.overview() == []
        for each in made:
            topics = [entry.topic for entry in factory.store.stream(each.id)]
            assert topics == ["Strategy.Generated", "Strategy.Validated", "Strategy.Backtested"]
        assert factory.store.verify_chain().broken is None
        assert factory.store.head() == 3 * strategies
    assert kills >= 20


def test_a_writer_killed_while_the_store_is_made_leaves_a_store_or_none(tmp_path):
    moment = random.Random(8)

    with DoomedWriters(StoreTerms(), tmp_path / "acknowledged") as writers:
        for kill in range(30):
            home = tmp_path / f"home-{kill}"
            pid = writers.start(home, 0)
            time.sleep(moment.uniform(0, 0.012))
            writers.kill(pid)

            with opened(home, StoreTerms()) as factory:
                generate(factory, [999_999])
                assert factory.store.verify_chain().broken is None


def test_a_home_whose_writer_was_killed_needs_no_repair(tmp_path):
    home = tmp_path / "home"
    with DoomedWriters(StoreTerms(), tmp_path / "acknowledged") as writers:
        pid = writers.start(home, 0)
        while len(writers.acknowledged) < 20:
            time.sleep(0.005)
        writers.kill(pid)

    assert (home / "events.sqlite-wal").stat().st_size > 0  # nobody put it away
    with opened(home, StoreTerms()) as factory:
        assert factory.store.head() >= 20
