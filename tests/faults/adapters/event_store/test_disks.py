"""A disk that is full, or write-protected: the error says so, nothing is half written, and it works again after."""

import os
from contextlib import closing

import pytest

from cfsm.adapters.blobs import BlobFolder
from cfsm.adapters.event_store.backup import backup, restore
from cfsm.adapters.event_store.inspection import inspect
from cfsm.adapters.event_store.opening import StoreTerms, open_factory
from cfsm.application.errors import Misconfigured, TryAgain
from tests.fakes.disks import write_protected
from tests.fakes.stores import SetClock, generate, strategy

SQLITE = StoreTerms()


def opened(home):
    return closing(open_factory(home, SQLITE, actor="tester", clock=SetClock()))


def fill(folder):
    with (folder / "ballast").open("wb", buffering=0) as ballast:
        for size in (2**20, 2**12, 1):
            try:
                while True:
                    ballast.write(b"\0" * size)
            except OSError:
                continue


def test_a_full_disk_is_waited_for(small_disk):
    with opened(small_disk / "home") as factory:
        generate(factory, range(5))
        fill(small_disk)

        with pytest.raises(TryAgain, match="full"):
            generate(factory, range(100, 1_000))  # some still fit in what the log has already taken

        recorded = factory.store.head()
        assert 5 <= recorded < 905
        assert factory.store.verify_chain().broken is None

        (small_disk / "ballast").unlink()
        generate(factory, [7])
        assert factory.store.head() == recorded + 1
        assert factory.store.verify_chain().broken is None


def test_a_store_on_a_full_disk_opens_for_readers_or_says_why(small_disk):
    with opened(small_disk / "home") as factory:
        generate(factory, range(5))
    fill(small_disk)

    with pytest.raises(TryAgain, match="full"), opened(small_disk / "home") as factory:
        generate(factory, range(100, 1_000))

    (small_disk / "ballast").unlink()
    with opened(small_disk / "home") as factory:
        assert factory.store.verify_chain().broken is None


def test_a_new_home_on_a_full_disk_is_not_half_made(small_disk):
    fill(small_disk)

    with pytest.raises(TryAgain, match="full"):
        opened(small_disk / "home")

    (small_disk / "ballast").unlink()
    with opened(small_disk / "home") as factory:
        generate(factory, [1])


def test_a_blob_that_does_not_fit_is_not_half_there(small_disk):
    blobs = BlobFolder(small_disk / "blobs")
    blobs.put(b"small")
    content = os.urandom(20 * 2**20)

    with pytest.raises(TryAgain, match=r"the disk is full\. Free some space"):
        blobs.put(content)

    assert len(list(blobs)) == 1
    assert [path for path in (small_disk / "blobs").rglob("*") if path.is_file()] == [blobs.path(next(iter(blobs)))]


def test_a_large_event_that_does_not_fit_takes_nothing_with_it(small_disk):
    with opened(small_disk / "home") as factory:
        generate(factory, [1])
        large = strategy(2, factory.stamp(), parameters={"text": "x" * 20 * 2**20})

        with pytest.raises(TryAgain):
            factory.transact(lambda: [large])

        assert factory.store.head() == 1
        generate(factory, [3])
        assert factory.store.head() == 2


def test_a_backup_that_does_not_fit_leaves_nothing(small_disk, tmp_path):
    home = tmp_path / "home"
    with opened(home) as factory:
        blobs = BlobFolder(home / "blobs")
        code = blobs.put(os.urandom(20 * 2**20))
        factory.transact(lambda: [strategy(1, factory.stamp(), code_hash=code)])

    with pytest.raises(TryAgain, match="full"):
        backup(home, SQLITE, small_disk / "night.cfsm")

    assert list(small_disk.iterdir()) == []


def test_a_restore_that_does_not_fit_changes_nothing(small_disk, tmp_path):
    home, file = tmp_path / "home", tmp_path / "night.cfsm"
    with opened(home) as factory:
        code = BlobFolder(home / "blobs").put(os.urandom(20 * 2**20))
        factory.transact(lambda: [strategy(1, factory.stamp(), code_hash=code)])
    backup(home, SQLITE, file)
    with opened(small_disk / "home") as factory:
        generate(factory, range(3))

    with pytest.raises(TryAgain, match="full"):
        restore(file, small_disk / "home", SQLITE, replace=True)

    with opened(small_disk / "home") as factory:
        assert factory.store.head() == 3
    assert not list((small_disk / "home").glob(".restore-*"))


def test_a_home_that_cannot_be_written_is_for_a_person_to_mend(small_disk):
    with opened(small_disk / "home") as factory:
        generate(factory, [1])
        BlobFolder(small_disk / "home" / "blobs").put(b"some")

    with write_protected(small_disk):
        with (
            pytest.raises(Misconfigured, match=r"cannot be opened and written|cannot be used"),
            opened(small_disk / "home") as factory,
        ):
            generate(factory, [2])
        with pytest.raises(Misconfigured, match="cannot be used: Read-only file system"):
            opened(small_disk / "new")
        with pytest.raises(Misconfigured, match="cannot be used: Read-only file system"):
            BlobFolder(small_disk / "home" / "blobs").put(b"more")
        found = {check.name: check for check in inspect(small_disk / "home", SQLITE)}
        assert not found["home"].ok
        assert "Read-only file system" in found["home"].message

    with opened(small_disk / "home") as factory:
        generate(factory, [2])


def test_a_disk_that_becomes_write_protected_under_a_factory_stops_it(small_disk):
    with opened(small_disk / "home") as factory:
        generate(factory, [1])
        factory.store.database.close()

        with write_protected(small_disk), pytest.raises(Misconfigured):
            generate(factory, [2])

        generate(factory, [2])
        assert factory.store.head() == 2


def test_a_home_of_another_user_is_for_a_person_to_mend(tmp_path):
    if os.getuid() == 0:
        pytest.skip("root may write everywhere; the write-protected disk stands for it")
    home = tmp_path / "home"
    with opened(home):
        pass
    (home / "events.sqlite").chmod(0o400)
    home.chmod(0o500)

    try:
        with pytest.raises(Misconfigured), opened(home) as factory:
            generate(factory, [1])
    finally:
        home.chmod(0o700)
