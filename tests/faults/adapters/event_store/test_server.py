"""A PostgreSQL server that goes away, is locked, or cuts connections: tried again, and it works again after."""

import threading
from contextlib import closing

import psycopg
import pytest

from cfsm.adapters.event_store.opening import open_bell, open_factory
from cfsm.application.errors import TryAgain
from tests.fakes.postgres_server import PostgresServer, binaries
from tests.fakes.stores import SetClock, generate


@pytest.fixture
def terms(postgres):
    return postgres.terms(connect_timeout_seconds=1)


@pytest.fixture
def factory(tmp_path, terms):
    with closing(open_factory(tmp_path, terms, actor="tester", clock=SetClock())) as factory:
        yield factory


def again(deed):
    """Do it as a worker does: once more after each TryAgain."""
    for _ in range(5):
        try:
            return deed()
        except TryAgain:
            continue
    raise AssertionError("it did not work again")


def test_a_connection_that_was_cut_is_made_anew(factory, terms):
    generate(factory, [1])
    with psycopg.connect(terms.server().conninfo, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cfsm' "
            "AND pid <> pg_backend_pid()"
        )

    again(lambda: generate(factory, [2]))

    assert factory.store.head() == 2
    assert factory.store.verify_chain().broken is None


def test_a_bell_whose_connection_was_cut_rings_again(factory, terms, tmp_path):
    with closing(open_bell(tmp_path, terms)) as bell:
        with psycopg.connect(terms.server().conninfo, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' "
                "AND pid <> pg_backend_pid()"
            )
        assert bell.wait(0.01)  # it looks, as it may have missed something
        assert bell.wait(0.01)

        rang = []
        follower = threading.Thread(target=lambda: rang.append(bell.wait(20)))
        follower.start()
        again(lambda: generate(factory, [1]))
        follower.join(10)

        assert rang == [True]


def test_a_log_that_another_holds_is_waited_for(postgres, tmp_path, monkeypatch):
    monkeypatch.setattr("cfsm.adapters.event_store.postgres.LOCK_SECONDS", 0.1)
    terms = postgres.terms()
    with closing(open_factory(tmp_path, terms, actor="tester", clock=SetClock())) as factory:
        with factory.store.database.transaction() as other:
            factory.store.database.lock_log(other)

            with pytest.raises(TryAgain, match="lock timeout"):
                generate(factory, [1])

        generate(factory, [1])
        assert factory.store.head() == 1


def test_more_threads_than_connections_wait_or_try_again(postgres, tmp_path):
    terms = postgres.terms(pool_size=1, connect_timeout_seconds=0.1)
    with closing(open_factory(tmp_path, terms, actor="tester", clock=SetClock())) as factory:
        with factory.store.database.snapshot(), pytest.raises(TryAgain, match="all 1 connections are in use"):
            factory.store.head()

        assert factory.store.head() == 0


def test_a_server_that_went_away_and_came_back(tmp_path):
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: apt install postgresql)")
    server = PostgresServer(programs).start()
    try:
        terms = server.terms(connect_timeout_seconds=1)
        with closing(open_factory(tmp_path, terms, actor="tester", clock=SetClock())) as factory:
            bell = open_bell(tmp_path, terms)
            generate(factory, [1])
            server.halt()

            with pytest.raises(TryAgain):
                generate(factory, [2])
            with pytest.raises(TryAgain):
                factory.store.head()
            assert bell.wait(0.01)

            server.go_on()
            again(lambda: generate(factory, [2]))
            assert factory.store.head() == 2
            assert factory.store.verify_chain().broken is None
            assert bell.wait(1)
            bell.close()
    finally:
        server.stop()
