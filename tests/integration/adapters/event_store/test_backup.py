"""Backup and restore: a whole copy while the factory works, verified before it replaces anything, on either database."""

import io
import itertools
import json
import tarfile
import threading
from contextlib import closing

import pytest
import zstandard

from cfsm.adapters.blobs import BlobFolder
from cfsm.adapters.event_store import backup as module
from cfsm.adapters.event_store.archive import BadBackup
from cfsm.adapters.event_store.backup import backup, restore
from cfsm.adapters.event_store.errors import StoreDamaged
from cfsm.adapters.event_store.opening import StoreTerms, open_factory
from cfsm.application.errors import Misconfigured, TryAgain
from cfsm.application.tasks import TaskKind
from cfsm.domain.strategy import Strategy
from tests.fakes.stores import SetClock, execute, strategy

SQLITE = StoreTerms()


@pytest.fixture(params=["sqlite", "postgres"])
def terms(request):
    return SQLITE if request.param == "sqlite" else request.getfixturevalue("postgres").terms()


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "night.cfsm"


def opened(home, terms=SQLITE):
    return closing(open_factory(home, terms, actor="tester", clock=SetClock()))


def fill(home, terms=SQLITE, numbers=range(3)):
    """Record strategies whose code is kept as blobs."""
    blobs = BlobFolder(home / "blobs")
    with opened(home, terms) as factory:
        for number in numbers:
            code = blobs.put(f"class Strategy{number}: pass\n".encode())
            factory.transact(lambda number=number, code=code: [strategy(number, factory.stamp(), code_hash=code)])
        return factory.store.read(0, 10_000)


def log(home, terms=SQLITE):
    with opened(home, terms) as factory:
        assert factory.store.verify_chain().broken is None
        return factory.store.read(0, 10_000)


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_restored_is_what_was_backed_up(home, terms, file, tmp_path):
    recorded = fill(home, terms)

    manifest = backup(home, terms, file)
    restored = restore(file, tmp_path / "other", SQLITE)

    assert (manifest.events, manifest.blobs, manifest.missing) == (3, 3, ())
    assert (restored.events, restored.blobs, restored.head, restored.aside) == (3, 3, manifest.head, None)
    assert log(tmp_path / "other") == recorded
    assert files(tmp_path / "other" / "blobs") == files(home / "blobs")
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("there", ["sqlite", "postgres"])
def test_a_factory_moves_to_another_database_and_goes_on(home, terms, file, tmp_path, request, there):
    fill(home, terms)
    with opened(home, terms) as before:
        before.plan()
        done, held, parked = (before.claim([TaskKind.VALIDATE], 600) for _ in range(3))
        before.transact(list, done)
        before.park(parked, "no candles")
        before.plan()
        head = before.store.chain_head()
    new_terms = request.getfixturevalue("postgres").terms() if there == "postgres" else SQLITE

    backup(home, terms, file)
    restore(file, tmp_path / "other", new_terms)

    with opened(tmp_path / "other", new_terms) as after:
        assert after.store.chain_head() == head
        assert after.plan() == 0
        assert {task["key"]: task["state"] for task in after.store.overview()} == {
            held.key: "open",
            parked.key: "parked",
        }
        again = after.claim([TaskKind.VALIDATE], 600)  # nobody holds a task after a move
        assert (again.key, again.attempt) == (held.key, 2)

        def validate():
            found = after.get(Strategy, Strategy.id_of(strategy(1, after.stamp()).name))
            found.record_validation("run", [], after.stamp(again))
            return [found]

        after.transact(validate, again)
        assert after.store.head() == head[0] + 1
        assert after.store.verify_chain().broken is None


def test_an_empty_factory_is_backed_up_too(home, terms, file, tmp_path):
    fill(home, terms, numbers=())

    assert backup(home, terms, file).events == 0
    restore(file, tmp_path / "other", SQLITE)

    assert log(tmp_path / "other") == []


def test_a_backup_is_whole_while_others_write(home, terms, file, tmp_path):
    fill(home, terms)
    stop = threading.Event()
    numbers = itertools.count(10)

    def write():
        while not stop.is_set():
            fill(home, terms, [next(numbers)])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        sizes = [backup(home, terms, file, overwrite=True).events for _ in range(6)]
    finally:
        stop.set()
        writer.join()

    restore(file, tmp_path / "other", SQLITE)  # refuses events without their blobs
    assert sizes == sorted(sizes)
    assert sizes[-1] > 3
    assert len(log(tmp_path / "other")) == sizes[-1]


def test_a_backup_of_many_pages_is_not_begun_again_by_writers(home, file, monkeypatch):
    monkeypatch.setattr(module, "PAGES_AT_ONCE", 1)
    fill(home, numbers=range(40))
    seen = []

    def progress(words, done, whole):
        if words == "pages of events":
            seen.append(done)
            if done == 2:
                fill(home, numbers=[100])

    manifest = backup(home, SQLITE, file, progress=progress)

    assert manifest.events == 40
    assert seen == sorted(set(seen))


def test_progress_is_told(home, terms, file, tmp_path):
    fill(home, terms)
    heard = []

    backup(home, terms, file, progress=lambda *words: heard.append(words))
    restore(
        file,
        tmp_path / "other",
        terms if terms.is_postgres else SQLITE,
        replace=True,
        progress=lambda *words: heard.append(words),
    )

    assert ("blobs", 3, 3) in heard
    assert all(done <= whole for _, done, whole in heard)


def test_a_file_that_is_there_is_not_overwritten_unless_asked(home, file):
    fill(home)
    file.write_text("something else")

    with pytest.raises(Misconfigured, match="is there already"):
        backup(home, SQLITE, file)
    assert file.read_text() == "something else"

    backup(home, SQLITE, file, overwrite=True)
    assert tarfile.is_tarfile(file)


def test_a_backup_that_fails_leaves_the_earlier_one_and_nothing_else(home, file, monkeypatch):
    fill(home)
    backup(home, SQLITE, file)
    before = file.read_bytes()
    monkeypatch.setattr("cfsm.adapters.event_store.archive.make_durable", full_disk)

    with pytest.raises(TryAgain, match="the disk is full"):
        backup(home, SQLITE, file, overwrite=True)

    assert file.read_bytes() == before
    assert sorted(path.name for path in file.parent.iterdir()) == ["home", file.name]


def full_disk(_):
    raise OSError(28, "No space left on device")


def test_a_place_that_does_not_exist_is_said(home, tmp_path):
    fill(home)

    with pytest.raises(Misconfigured, match="No such file or directory"):
        backup(home, SQLITE, tmp_path / "nowhere" / "file")


def test_a_log_that_was_changed_is_not_backed_up(home, terms, file):
    fill(home, terms)
    with opened(home, terms) as factory:
        execute(factory, "UPDATE {schema}stored_events SET state = ? WHERE id = 2", b"{}")

    with pytest.raises(StoreDamaged, match="event 2 was altered"):
        backup(home, terms, file)

    assert not file.exists()


def test_a_blob_that_is_lost_is_named_and_the_rest_is_saved(home, file, tmp_path):
    fill(home)
    lost, damaged, _ = sorted((home / "blobs").glob("??/*.zst"))
    lost.unlink()
    damaged.write_bytes(b"\0" * 50)

    manifest = backup(home, SQLITE, file)
    restored = restore(file, tmp_path / "other", SQLITE)

    assert manifest.missing == (lost.stem, damaged.stem)
    assert restored.blobs == 1


def test_only_what_events_refer_to_is_in_it(home, file):
    fill(home)
    BlobFolder(home / "blobs").put(b"of a task whose worker died")

    assert backup(home, SQLITE, file).blobs == 3


def test_a_backup_can_be_opened_by_hand(home, file, tmp_path):
    import sqlite3

    fill(home)
    manifest = backup(home, SQLITE, file)

    with tarfile.open(file) as tar:
        assert tar.getnames()[:2] == ["manifest.json", "events.sqlite.zst"]
        assert json.load(tar.extractfile("manifest.json"))["head"] == manifest.head
        packed = tar.extractfile("events.sqlite.zst").read()
    (tmp_path / "events.sqlite").write_bytes(zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed)).read())
    with closing(sqlite3.connect(tmp_path / "events.sqlite")) as connection:
        assert connection.execute("SELECT count(*) FROM stored_events").fetchone() == (3,)


def test_a_home_that_has_events_is_not_replaced_unless_asked(home, terms, file, tmp_path, request):
    fill(home, terms)
    backup(home, terms, file)
    other_terms = request.getfixturevalue("postgres").terms() if terms.is_postgres else SQLITE
    there = fill(tmp_path / "other", other_terms, [7, 8])

    with pytest.raises(Misconfigured, match="has 2 events: say --replace"):
        restore(file, tmp_path / "other", other_terms)

    assert log(tmp_path / "other", other_terms) == there


def test_what_was_in_the_home_is_moved_aside_whole(home, file, tmp_path):
    fill(home)
    backup(home, SQLITE, file)
    other = tmp_path / "other"
    there = fill(other, numbers=[7, 8])
    (other / "projections").mkdir()
    (other / "projections" / "leaderboard-v1.sqlite").write_text("of the old events")
    blobs = files(other / "blobs")
    with opened(other) as factory:  # its write-ahead log is not empty
        factory.transact(lambda: [strategy(9, factory.stamp())])
        there = [*there, *factory.store.read(2, 10)]
        restored = restore(file, other, SQLITE, replace=True)

    assert restored.aside.parent == other
    assert len(log(other)) == 3
    assert not (other / "projections").exists()
    assert (restored.aside / "projections" / "leaderboard-v1.sqlite").read_text() == "of the old events"
    assert files(restored.aside / "blobs") == blobs
    assert log(restored.aside) == there  # it is a home of its own
    assert not list(other.glob(".restore*"))


def test_what_was_in_a_schema_is_kept_under_another_name(home, file, tmp_path, postgres):
    fill(home)
    backup(home, SQLITE, file)
    terms = postgres.terms()
    there = fill(tmp_path / "other", terms, [7, 8])

    restored = restore(file, tmp_path / "other", terms, replace=True)

    assert len(log(tmp_path / "other", terms)) == 3
    kept = postgres.terms(schema=f"{terms.schema}_{restored.aside.name}")
    assert log(tmp_path / "third", kept) == there


def test_a_damaged_home_is_replaced(home, file):
    recorded = fill(home)
    backup(home, SQLITE, file)
    (home / "events.sqlite").write_bytes(b"no database at all")

    with pytest.raises(StoreDamaged):
        restore(file, home, SQLITE)
    restored = restore(file, home, SQLITE, replace=True)

    assert log(home) == recorded
    assert (restored.aside / "events.sqlite").read_bytes() == b"no database at all"


def test_a_restore_that_was_cut_off_is_noticed_and_can_be_run_again(home, file, monkeypatch):
    recorded = fill(home)
    backup(home, SQLITE, file)

    def dies(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("cfsm.adapters.event_store.sqlite.SQLite.set_aside", dies)
        with pytest.raises(KeyboardInterrupt):
            restore(file, home, SQLITE, replace=True)

    with pytest.raises(Misconfigured, match=r"a restore into .* was cut off: run `cfsm restore FILE --replace` again"):
        log(home)
    restore(file, home, SQLITE)
    assert log(home) == recorded


def test_a_database_that_fails_half_way_keeps_nothing_of_it(home, file, tmp_path, postgres, monkeypatch):
    fill(home)
    backup(home, SQLITE, file)
    terms = postgres.terms()

    def fails(words, done, whole):
        if words == "events copied":
            raise TryAgain("the server went away")

    with pytest.raises(TryAgain):
        restore(file, tmp_path / "other", terms, progress=fails)

    restore(file, tmp_path / "other", terms)
    assert len(log(tmp_path / "other", terms)) == 3


def tampered(file, change):
    """Give a copy of a backup whose members went through ``change``."""
    copy = file.with_name("tampered")
    with tarfile.open(file) as tar:
        members = [[member, tar.extractfile(member).read()] for member in tar]
    with tarfile.open(copy, "w") as tar:
        for member, content in change(members):
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return copy


def renamed(number, name):
    def change(members):
        members[number][0].name = name
        return members

    return change


def replaced(number, content):
    def change(members):
        members[number][1] = content
        return members

    return change


def manifest_with(**facts):
    def change(members):
        members[0][1] = json.dumps({**json.loads(members[0][1]), **facts}).encode()
        return members

    return change


def link(members):
    strange = tarfile.TarInfo("blobs/aa")
    strange.type, strange.linkname = tarfile.SYMTYPE, "/etc"
    return [*members, [strange, b""]]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (renamed(2, "../../escaped"), "'../../escaped' does not belong into it"),
        (renamed(2, "/tmp/escaped"), "'/tmp/escaped' does not belong into it"),
        (renamed(2, "blobs/aa/../../../escaped.zst"), "does not belong into it"),
        (renamed(2, "blobs/aa/" + "b" * 64 + ".zst"), "does not belong into it"),
        (renamed(2, "events.sqlite"), "does not belong into it"),
        (link, "'blobs/aa' in it is not a plain file"),
        (lambda members: [*members, members[-1]], "is in it twice"),
        (lambda members: members[:-1], "it has 2 of 3 blobs"),
        (lambda members: members[1:], "where manifest.json should be"),
        (lambda members: [members[0], *members[2:]], "where events.sqlite.zst should be"),
        (lambda members: members[:1], "it has 'nothing' where events.sqlite.zst should be"),
        (lambda members: [], "it has 'nothing' where manifest.json should be"),
        (replaced(2, zstandard.compress(b"other code")), "holds other bytes than its name says"),
        (replaced(2, b"not zstandard"), "is damaged"),
        (replaced(1, zstandard.compress(b"not a database")), "not those that its manifest tells of"),
        (replaced(1, b"not zstandard"), "no whole backup"),
        (replaced(0, b"{}"), "KeyError"),
        (replaced(0, b"\xff"), "JSONDecodeError"),
        (replaced(0, b"[]"), "TypeError"),
        (manifest_with(format=2), "it has the format 2, this CFSM knows 1"),
        (manifest_with(events=2), "not those that its manifest tells of"),
        (manifest_with(head="0" * 64), "not those that its manifest tells of"),
        (manifest_with(events_bytes=100), "not those that its manifest tells of"),
        (manifest_with(blobs=4), "it has 3 of 4 blobs"),
        (manifest_with(unknown=1), "TypeError"),
    ],
)  # fmt: skip
def test_a_backup_that_is_not_sound_changes_nothing(home, file, tmp_path, change, what):
    there = fill(home)
    backup(home, SQLITE, file)
    before = files(home)
    bad = tampered(file, change)

    with pytest.raises(BadBackup, match=f"{what}.*Nothing was changed"):
        restore(bad, home, SQLITE, replace=True)

    assert files(home) == before
    assert log(home) == there
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "night.cfsm", "tampered"]


def test_a_backup_without_a_blob_that_its_events_need_is_refused(home, file):
    fill(home)
    backup(home, SQLITE, file)

    def without(members):
        return manifest_with(blobs=2)(members)[:-1]

    with pytest.raises(BadBackup, match=r"the blob [0-9a-f]{64} is missing"):
        restore(tampered(file, without), home, SQLITE, replace=True)


def test_a_backup_whose_log_was_changed_is_refused(home, file, tmp_path):
    import sqlite3
    from hashlib import sha256

    fill(home)
    backup(home, SQLITE, file)

    def altered(members):
        path = tmp_path / "altered.sqlite"
        path.write_bytes(zstandard.ZstdDecompressor().stream_reader(io.BytesIO(members[1][1])).read())
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE stored_events SET state = x'7b7d' WHERE id = 2")
            connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        content = path.read_bytes()
        members[1][1] = zstandard.compress(content)
        return manifest_with(events_bytes=len(content), events_sha256=sha256(content).hexdigest())(members)

    with pytest.raises(BadBackup, match="its event 2 was altered"):
        restore(tampered(file, altered), home, SQLITE, replace=True)


@pytest.mark.parametrize("bytes_left", [0, 100, 5_000, -2_000])
def test_a_backup_that_was_cut_off_is_refused(home, file, bytes_left):
    fill(home)
    backup(home, SQLITE, file)
    content = file.read_bytes()
    end = content.rstrip(b"\0").__len__()
    file.write_bytes(content[: bytes_left if bytes_left >= 0 else end + bytes_left])

    with pytest.raises(BadBackup):
        restore(file, home, SQLITE, replace=True)


def test_a_file_that_is_none_is_said(home, tmp_path):
    with pytest.raises(Misconfigured, match="No such file"):
        restore(tmp_path / "nowhere", home, SQLITE)
