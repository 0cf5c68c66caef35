"""An event file that is not what was written: it is refused, named, left as it is, and a backup puts it right."""

import random
import sqlite3
from contextlib import closing

import pytest

from cfsm.adapters.event_store.backup import backup, restore
from cfsm.adapters.event_store.errors import StoreDamaged
from cfsm.adapters.event_store.inspection import inspect, require_sound
from cfsm.adapters.event_store.opening import StoreTerms, open_factory
from cfsm.application.errors import Misconfigured, TryAgain
from tests.fakes.stores import SetClock, generate

SQLITE = StoreTerms()
EVENTS = 120


def opened(home):
    return closing(open_factory(home, SQLITE, actor="tester", clock=SetClock()))


@pytest.fixture
def home(tmp_path):
    """A home with a file of some thirty pages, all of it in the file itself."""
    with opened(tmp_path / "home") as factory:
        generate(factory, range(EVENTS))
    assert not (tmp_path / "home" / "events.sqlite-wal").exists()
    return tmp_path / "home"


@pytest.fixture
def file(home):
    return home / "events.sqlite"


@pytest.fixture
def saved(home, tmp_path):
    backup(home, SQLITE, tmp_path / "night.cfsm")
    return tmp_path / "night.cfsm"


def use(home):
    with opened(home) as factory:
        assert factory.store.verify_chain().events == EVENTS
        generate(factory, [1_000])


def cut_to(share):
    return lambda content: content[: int(len(content) * share)]


def with_bytes(offset, new):
    return lambda content: content[:offset] + new + content[offset + len(new) :]


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (cut_to(0), r"it is cut off \(0 bytes are left\)"),
        (lambda content: content[:99], r"it is cut off \(99 bytes are left\)"),
        (lambda content: content[:4096], r"it is cut off \(4096 of \d+ bytes are left\)"),
        (cut_to(0.5), r"it is cut off \(\d+ of \d+ bytes are left\)"),
        (lambda content: content[:-1], r"it is cut off"),
        (lambda content: b"\0" * len(content), "it is not an SQLite database"),
        (lambda content: b"these are notes\n" * 500, "it is not an SQLite database"),
        (with_bytes(16, b"\x10\x01"), "no SQLite database has pages of 4097 bytes"),
        (with_bytes(16, b"\x00\x40"), "no SQLite database has pages of 64 bytes"),
        (with_bytes(16, b"\x40\x00"), "cut off"),  # a true page size, but not this file's
    ],
)
def test_a_file_whose_beginning_or_size_is_wrong_is_refused_at_once(home, file, saved, damage, what):
    file.write_bytes(damage(file.read_bytes()))
    damaged = file.read_bytes()

    with pytest.raises(StoreDamaged, match=rf"{what}.*Nothing was written.*cfsm restore FILE --replace"):
        use(home)
    with pytest.raises(Misconfigured, match=rf"events: refused: .*{what}"):
        require_sound(home, SQLITE)
    found = next(check for check in inspect(home, SQLITE) if check.name == "events")
    assert not found.ok
    assert "cfsm restore FILE --replace" in found.what_to_do
    assert file.read_bytes() == damaged

    restore(saved, home, SQLITE, replace=True)
    use(home)


def test_pages_of_garbage_are_found_before_a_factory_starts(home, file, saved):
    content = bytearray(file.read_bytes())
    for page in range(2, len(content) // 4096, 3):
        content[page * 4096 : page * 4096 + 200] = random.Random(page).randbytes(200)
    file.write_bytes(content)

    with pytest.raises(Misconfigured, match="events: refused"):
        require_sound(home, SQLITE)
    with pytest.raises(StoreDamaged), opened(home) as factory:
        factory.store.verify_chain()

    restore(saved, home, SQLITE, replace=True)
    use(home)


def test_any_one_byte_that_was_changed_in_an_event_is_found(home, file):
    content = file.read_bytes()
    place = content.index(b'"period":77')
    file.write_bytes(with_bytes(place + 9, b"78")(content))

    require_sound(home, SQLITE)  # SQLite itself sees nothing
    found = next(check for check in inspect(home, SQLITE, deep=True) if check.name == "chain")
    assert found.message == "event 78 was altered; the 77 before it hold"


def test_no_change_of_the_file_is_ever_taken_for_the_log(home, file):
    """Flips bits at random: whatever is read afterwards is the log or an error with a name."""
    moment = random.Random(9)
    whole = file.read_bytes()
    with opened(home) as factory:
        recorded = factory.store.read(0, EVENTS)

    for _ in range(60):
        content = bytearray(whole)
        for _ in range(moment.choice([1, 5, 50])):
            content[moment.randrange(len(content))] ^= 1 << moment.randrange(8)
        file.write_bytes(content)
        try:
            with opened(home) as factory:
                report = factory.store.verify_chain()
                if report.broken is None and report.events == EVENTS:
                    assert factory.store.read(0, EVENTS) == recorded
        except (Misconfigured, TryAgain):
            pass
        for beside in ("-wal", "-shm"):
            file.with_name(file.name + beside).unlink(missing_ok=True)


def test_a_write_ahead_log_of_garbage_is_not_taken_for_events(home, file):
    file.with_name("events.sqlite-wal").write_bytes(random.Random(3).randbytes(200_000))

    use(home)


def test_a_write_ahead_log_that_was_cut_off_gives_what_was_whole(tmp_path, home, file):
    with opened(home) as factory:
        generate(factory, range(500, 520))
        log = file.with_name("events.sqlite-wal").read_bytes()
        main = file.read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    (other / "events.sqlite").write_bytes(main)
    (other / "events.sqlite-wal").write_bytes(log[: len(log) * 2 // 3])

    with opened(other) as factory:
        report = factory.store.verify_chain()
        assert report.broken is None
        assert EVENTS < report.events < EVENTS + 20


def test_a_file_that_another_program_locks_is_waited_for(home, file, monkeypatch):
    monkeypatch.setattr("cfsm.adapters.event_store.opening.LOCK_SECONDS", 0.05)
    with closing(sqlite3.connect(file, isolation_level=None)) as other, opened(home) as factory:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(TryAgain, match="is locked by another process"):
            generate(factory, [1_000])
        assert factory.store.head() == EVENTS  # readers do not wait

        other.execute("ROLLBACK")
        generate(factory, [1_000])
        assert factory.store.head() == EVENTS + 1


def test_a_table_that_is_gone_is_damage(home, file):
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TABLE chain")

    with pytest.raises(StoreDamaged, match="no such table"):
        use(home)
