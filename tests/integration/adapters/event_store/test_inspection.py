"""What the doctor finds wrong with a home, and what it says to do."""

import os
import shutil
import time
from contextlib import closing

import pytest

from cfsm.adapters.blobs import BlobFolder
from cfsm.adapters.event_store import inspection
from cfsm.adapters.event_store.inspection import inspect, require_sound
from cfsm.adapters.event_store.opening import StoreTerms, open_factory
from cfsm.application.errors import Misconfigured
from cfsm.domain.evaluation import Conditions, Evaluation, Identity, Kind
from cfsm.domain.strategy import Strategy
from tests.fakes.stores import SetClock, execute, strategy

SQLITE = StoreTerms()


def opened(home, terms=SQLITE):
    return closing(open_factory(home, terms, actor="tester", clock=SetClock()))


@pytest.fixture(params=["sqlite", "postgres"])
def terms(request):
    return SQLITE if request.param == "sqlite" else request.getfixturevalue("postgres").terms()


@pytest.fixture
def home(tmp_path, terms):
    """A home with a strategy that was backtested: its code, trades and equity curve are blobs."""
    home = tmp_path / "home"
    with opened(home, terms) as factory:
        blobs = BlobFolder(home / "blobs")
        made = strategy(1, factory.stamp(), code_hash=blobs.put(b"class Some: pass"))
        run = Evaluation.start(
            Evaluation.run_id_of("backtest/1"),
            kind=Kind.BACKTEST,
            strategy_id=made.id,
            strategy_name=made.name,
            code_hash=made.code_hash,
            conditions=Conditions("synthetic"),
            stamp=factory.stamp(),
        )
        run.complete(
            verdict="accepted",
            identity=Identity("c", "p", "d", "o", "e"),
            result_hash="",
            figures={},
            findings=[],
            blobs={"trades": blobs.put(b"[]"), "equity_curve": blobs.put(b"[1]")},
            seconds=1,
            stamp=factory.stamp(),
        )
        factory.transact(lambda: [made, run])
    return home


def wrong(home, terms=SQLITE, deep=False):
    return {check.name: check for check in inspect(home, terms, deep=deep) if not check.ok}


@pytest.mark.parametrize("deep", [False, True])
def test_a_sound_home_has_nothing_wrong(home, terms, deep):
    checks = inspect(home, terms, deep=deep)

    assert [check for check in checks if not check.ok] == []
    names = ["SQLite", "home", "privacy", "free space", "events", *(["chain"] if deep else []), "blobs", "left over"]
    assert [check.name for check in checks] == names
    assert next(check for check in checks if check.name == "events").message.startswith("3 in ")
    assert "3 that events refer to" in next(check for check in checks if check.name == "blobs").message
    require_sound(home, terms)


def test_a_home_that_is_new_may_start(tmp_path):
    require_sound(tmp_path / "new", SQLITE)

    assert not (tmp_path / "new").exists()


def test_an_inspection_changes_nothing(home, terms):
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}

    inspect(home, terms, deep=True)

    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_a_missing_blob_is_named(home, terms):
    (gone, *_) = sorted((home / "blobs").glob("??/*.zst"))
    gone.unlink()

    assert str(gone) in wrong(home, terms)["blobs"].message
    assert "1 of 3" in wrong(home, terms)["blobs"].message
    assert "cfsm restore FILE" in wrong(home, terms)["blobs"].what_to_do


def test_a_damaged_blob_is_named_by_a_deep_look(home, terms):
    (_, damaged, _) = sorted((home / "blobs").glob("??/*.zst"))
    damaged.write_bytes(damaged.read_bytes()[:-3])

    assert wrong(home, terms) == {}
    assert str(damaged) in wrong(home, terms, deep=True)["blobs"].message


def test_a_reference_that_is_no_hash_is_named(home, terms):
    with opened(home, terms) as factory:
        found = factory.get(Strategy, Strategy.id_of(strategy(1, factory.stamp()).name))
        found.record_validation("r", [], factory.stamp())
        found.record_backtest("b", "2025", "r", {}, factory.stamp())
        found.record_optimization("o", "../../etc/passwd", {}, factory.stamp())
        factory.transact(lambda: [found])

    assert "../../etc/passwd" in wrong(home, terms)["blobs"].message


def test_a_changed_log_is_found_by_a_deep_look(home, terms):
    with opened(home, terms) as factory:
        execute(factory, "UPDATE {schema}stored_events SET topic = 'Strategy.Retired' WHERE id = 2")

    assert wrong(home, terms) == {}
    assert wrong(home, terms, deep=True)["chain"].message == "event 2 was altered; the 1 before it hold"


def test_what_a_killed_writer_left_is_named_when_it_is_old(home):
    left = [home / "blobs" / "ab" / ".x.new", home / ".restore-x", home / ".events.sqlite-x"]
    left[0].parent.mkdir(exist_ok=True)
    left[0].write_bytes(b"half a bl")
    left[1].mkdir()
    left[2].mkdir()
    assert wrong(home) == {}

    for path in left:
        os.utime(path, (time.time() - 7_200,) * 2)

    check = wrong(home)["left over"]
    assert all(str(path) in check.message for path in left)
    assert "remove them" in check.what_to_do


def test_many_are_counted_and_some_named(home):
    for number in range(20):
        path = home / "blobs" / "ab" / f".{number:02}.new"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
        os.utime(path, (0, 0))

    assert wrong(home)["left over"].message.startswith("20 that")
    assert wrong(home)["left over"].message.endswith(" and 15 more")


def test_little_free_space_is_said(home, monkeypatch):
    monkeypatch.setattr(inspection.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 99, 5 * 2**20))

    assert wrong(home)["free space"].message == "5 MB, at least 256"
    with pytest.raises(Misconfigured, match="free space: 5 MB"):
        require_sound(home, SQLITE)


def test_a_home_that_others_may_enter_is_said(home):
    home.chmod(0o755)
    (home / "events.sqlite").touch()
    (home / "events.sqlite").chmod(0o644)

    assert "other users of this machine may enter" in wrong(home)["privacy"].message
    assert wrong(home)["privacy"].what_to_do == f"chmod go= {home} {home / 'events.sqlite'}"


def test_a_home_that_is_not_there_is_said(tmp_path):
    assert "is not a folder" in wrong(tmp_path / "nowhere")["home"].message


def test_an_interrupted_restore_is_said(home, terms):
    (home / "restoring").mkdir()

    assert wrong(home, terms)["events"].message == "a restore was cut off"
    with pytest.raises(Misconfigured, match="a restore was cut off"):
        require_sound(home, terms)


def test_a_server_that_is_away_is_said(tmp_path):
    terms = StoreTerms(engine="postgres", host=str(tmp_path), connect_timeout_seconds=1)

    assert "connection" in wrong(tmp_path, terms)["events"].message


def test_a_broken_sqlite_library_is_said(home, monkeypatch):
    def broken():
        raise Misconfigured("SQLite 3.40.1 can corrupt a database")

    monkeypatch.setattr(inspection, "check_sqlite", broken)

    assert wrong(home)["SQLite"].what_to_do == "Install the package pysqlite3."
    with pytest.raises(Misconfigured, match=r"SQLite 3\.40\.1"):
        require_sound(home, SQLITE)
