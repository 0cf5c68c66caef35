"""Opening an event store: a home that is made, sockets whose paths are short enough, and who is refused."""

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cfsm.adapters.event_store.errors import StoreDamaged
from cfsm.adapters.event_store.opening import StoreTerms, open_bell, open_factory
from cfsm.adapters.event_store.sqlite_file import APPLICATION_ID, check_sqlite
from cfsm.adapters.home import SOCKET_FOLDER_BYTES, run_folder
from cfsm.application.errors import Misconfigured, TryAgain
from tests.fakes.stores import SetClock, generate

SQLITE = StoreTerms()


def opened(home, terms=SQLITE):
    return open_factory(home, terms, actor="tester", clock=SetClock())


def test_the_home_is_made_for_its_owner_alone(tmp_path):
    opened(tmp_path / "some" / "home").close()

    assert (tmp_path / "some" / "home").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "some" / "home" / "events.sqlite").stat().st_mode & 0o777 == 0o600


def test_what_is_there_already_is_opened(tmp_path):
    first = opened(tmp_path)
    generate(first, range(3))
    first.close()

    assert opened(tmp_path).store.head() == 3


def test_commits_are_on_the_disk_and_readers_do_not_wait(tmp_path):
    factory = opened(tmp_path)

    assert factory.store.database.query("PRAGMA journal_mode") == [("wal",)]
    assert factory.store.database.query("PRAGMA synchronous") == [(2,)]


def test_the_file_says_whose_it_is(tmp_path):
    opened(tmp_path).close()

    header = (tmp_path / "events.sqlite").read_bytes()[:100]
    assert int.from_bytes(header[68:72], "big") == APPLICATION_ID


OPENER = """
import sys
from pathlib import Path
from cfsm.adapters.clock import SystemClock
from cfsm.adapters.event_store.opening import StoreTerms, open_factory
from tests.fakes.stores import generate

print("ready", flush=True)
sys.stdin.readline()
factory = open_factory(Path(sys.argv[1]), eval(sys.argv[2]), actor="opener", clock=SystemClock())
generate(factory, [int(sys.argv[3])])
"""


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_processes_that_open_a_new_store_at_once_all_find_it_whole(tmp_path, request, engine):
    terms = request.getfixturevalue("postgres").terms() if engine == "postgres" else StoreTerms()
    children = [
        subprocess.Popen(
            [sys.executable, "-c", OPENER, tmp_path, repr(terms), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": "."},
        )
        for number in range(4)
    ]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()

    assert [child.communicate(timeout=60)[1] for child in children] == [""] * 4

    factory = opened(tmp_path, terms)
    assert factory.store.head() == 4
    assert factory.store.verify_chain().broken is None
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []
    factory.close()


def test_threads_share_a_factory(tmp_path):
    factory = opened(tmp_path)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: generate(factory, [number]), range(40)))

    assert factory.store.head() == 40
    assert factory.store.verify_chain().broken is None


def test_sockets_lie_in_the_home_unless_told_otherwise(tmp_path):
    assert run_folder(Path("/srv/cfsm"), {}) == Path("/srv/cfsm/run")
    assert run_folder(Path("/srv/cfsm"), {"CFSM_RUNTIME_DIR": "/run/cfsm"}) == Path("/run/cfsm")
    assert run_folder(Path("somewhere"), {}).is_absolute()


def test_a_home_whose_path_is_too_long_for_sockets_gets_a_short_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("CFSM_RUNTIME_DIR", raising=False)
    home = tmp_path / ("long" * 30)
    factory = opened(home)
    bell = open_bell(home, StoreTerms())

    generate(factory, [1])

    assert bell.wait(0)
    assert len(os.fsencode(run_folder(home))) <= SOCKET_FOLDER_BYTES
    assert run_folder(home) != run_folder(tmp_path / ("lang" * 30))
    bell.close()
    (run_folder(home) / "bells").rmdir()
    run_folder(home).rmdir()
    factory.close()


def test_a_temporary_folder_that_is_too_long_itself_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / ("temp" * 30)))

    assert len(os.fsencode(run_folder(tmp_path / ("long" * 30), {}))) <= SOCKET_FOLDER_BYTES


def test_sockets_are_not_put_where_another_user_could_listen(tmp_path, monkeypatch):
    if os.getuid() != 0:
        pytest.skip("only root can make a folder of another user's")
    opened(tmp_path / "home").close()
    strange = tmp_path / "strange"
    strange.mkdir()
    os.chown(strange, 65_534, 65_534)
    monkeypatch.setenv("CFSM_RUNTIME_DIR", str(strange))

    with pytest.raises(Misconfigured, match="belongs to another user"):
        open_bell(tmp_path / "home", StoreTerms())


@pytest.mark.parametrize("version", ["3.7.0", "3.40.1", "3.51.2"])
def test_an_sqlite_that_can_corrupt_the_file_is_refused(version):
    with pytest.raises(Misconfigured, match=f"SQLite {version} can corrupt .* Install the package pysqlite3"):
        check_sqlite(version)


@pytest.mark.parametrize("version", ["3.6.23", "3.51.3", "3.53.4", "4.0.0"])
def test_an_sqlite_that_cannot_is_not(version):
    check_sqlite(version)


def test_our_own_sqlite_is_one_that_cannot():
    check_sqlite()


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path):
    connection = sqlite3.connect(tmp_path / "events.sqlite")
    connection.execute("CREATE TABLE places (url TEXT)")
    connection.commit()
    connection.close()
    before = (tmp_path / "events.sqlite").read_bytes()

    with pytest.raises(Misconfigured, match="the database of another program"):
        opened(tmp_path)

    assert (tmp_path / "events.sqlite").read_bytes() == before


def test_an_event_store_of_a_newer_cfsm_is_refused(tmp_path):
    opened(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "events.sqlite")
    connection.execute("PRAGMA user_version = 2")
    connection.close()

    with pytest.raises(Misconfigured, match="made by a newer CFSM"):
        opened(tmp_path)


def test_a_schema_of_a_newer_cfsm_is_refused(tmp_path, postgres):
    terms = postgres.terms()
    factory = opened(tmp_path, terms)
    with factory.store.database.transaction() as cursor:
        cursor.execute(f"UPDATE {terms.schema}.tracking SET position = 2 WHERE name = 'cfsm:store'")
    factory.close()

    with pytest.raises(Misconfigured, match="made by a newer CFSM"):
        opened(tmp_path, terms)


def test_a_file_that_is_missing_beside_its_log_is_not_made_anew(tmp_path):
    opened(tmp_path).close()
    (tmp_path / "events.sqlite").rename(tmp_path / "elsewhere")
    (tmp_path / "events.sqlite-wal").write_bytes(b"what was written last")

    with pytest.raises(Misconfigured, match=r"events.sqlite is missing but events.sqlite-wal is there"):
        opened(tmp_path)

    assert not (tmp_path / "events.sqlite").exists()


def test_a_home_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "home").write_text("not a folder")

    with pytest.raises(Misconfigured, match="cannot be used"):
        opened(tmp_path / "home")


def test_a_password_is_read_from_its_file(tmp_path):
    (tmp_path / "password").write_text("s3cret\nand a note\n")

    assert StoreTerms(password_file=tmp_path / "password").secret() == "s3cret"
    assert StoreTerms(password="plain").secret() == "plain"
    assert StoreTerms().secret() == ""


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_a_password_file_that_cannot_be_read_is_named(tmp_path, content):
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(Misconfigured, match=r"store.password_file .*password cannot be read"):
        StoreTerms(password_file=path).secret()


def test_a_password_is_in_no_message(postgres):
    server = postgres.terms(password="s3cret").server()

    assert "s3cret" not in server.place
    assert "s3cret" in server.conninfo


def test_a_server_that_is_not_there_is_asked_again(tmp_path):
    terms = StoreTerms(engine="postgres", host=str(tmp_path), connect_timeout_seconds=1)

    with pytest.raises(TryAgain, match=r"the event store cfsm@.*connection"):
        opened(tmp_path, terms)


def test_a_database_that_is_not_there_is_for_a_person_to_mend(tmp_path, postgres):
    with pytest.raises(Misconfigured, match=r"refuses us.*does not exist"):
        opened(tmp_path, postgres.terms(dbname="nowhere"))
    with pytest.raises(Misconfigured, match=r"refuses us.*does not exist"):
        opened(tmp_path, postgres.terms(user="nobody"))


def test_a_user_who_may_not_make_tables_is_told_so(tmp_path, postgres):
    terms = postgres.terms()
    factory = opened(tmp_path, terms)
    with factory.store.database.transaction() as cursor:
        cursor.execute("CREATE ROLE guest LOGIN")

    with pytest.raises(Misconfigured, match="permission denied"):
        opened(tmp_path, postgres.terms(user="guest"))
    factory.close()


def test_a_schema_is_called_by_a_name(postgres):
    with pytest.raises(Misconfigured, match="is no name for a schema"):
        postgres.terms(schema='x"; DROP SCHEMA public; --').server()


def test_a_damaged_store_says_how_to_restore_it(tmp_path):
    opened(tmp_path).close()
    (tmp_path / "events.sqlite").write_bytes(b"")

    with pytest.raises(StoreDamaged, match=r"is cut off \(0 bytes are left\).*cfsm restore FILE --replace"):
        opened(tmp_path)
