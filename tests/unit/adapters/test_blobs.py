"""Blobs: kept under their hash, whole or not at all, and what is damaged is named."""

import os
import random
from pathlib import Path

import pytest
import zstandard

from cfsm.adapters.blobs import MAX_BYTES, BlobFolder, is_hash
from cfsm.application.errors import Misconfigured, TryAgain
from cfsm.application.ports import BlobCorrupted, BlobMissing

CODE = b"class Some: pass\n" * 100


@pytest.fixture
def blobs(tmp_path):
    return BlobFolder(tmp_path / "blobs")


@pytest.mark.parametrize("content", [b"", b"x", CODE, random.Random(1).randbytes(300_000)])
def test_what_was_put_is_got(blobs, content):
    blob_hash = blobs.put(content)

    assert is_hash(blob_hash)
    assert blob_hash in blobs
    assert blobs.get(blob_hash) == content


def test_the_same_bytes_are_kept_once(blobs):
    first = blobs.put(CODE)
    written = blobs.path(first).stat().st_mtime_ns

    assert blobs.put(CODE) == first
    assert list(blobs) == [first]
    assert blobs.path(first).stat().st_mtime_ns == written


def test_blobs_are_listed_in_order(blobs):
    hashes = [blobs.put(bytes([number])) for number in range(20)]

    assert list(blobs) == sorted(hashes)


def test_a_folder_that_is_not_there_yet_is_empty(blobs):
    assert list(blobs) == []
    assert blobs.unfinished(0) == []
    assert "a" * 64 not in blobs


def test_what_is_not_there_is_missing(blobs):
    with pytest.raises(BlobMissing, match="a" * 64):
        blobs.get("a" * 64)


@pytest.mark.parametrize("text", ["", "a" * 63, "A" * 64, "../" * 21 + "a", "g" * 64, "a" * 65])
def test_what_is_no_hash_is_no_path(blobs, text):
    with pytest.raises(BlobMissing, match="is not a sha256"):
        blobs.path(text)


def damage(kind, packed):
    return {
        "empty": b"",
        "cut off": packed[:-5],
        "one bit": packed[:-6] + bytes([packed[-6] ^ 1]) + packed[-5:],
        "not zstandard": b"these are notes",
        "other bytes": zstandard.compress(b"other bytes"),
        "endless": zstandard.ZstdCompressor(write_content_size=False).compress(b"\0" * (MAX_BYTES + 1)),
        "boastful": zstandard.compress(b"\0" * (MAX_BYTES + 1)),
    }[kind]


@pytest.mark.parametrize("kind", ["empty", "cut off", "one bit", "not zstandard", "other bytes", "endless", "boastful"])
def test_a_damaged_blob_is_named(blobs, kind):
    blob_hash = blobs.put(CODE)
    path = blobs.path(blob_hash)
    path.write_bytes(damage(kind, path.read_bytes()))

    with pytest.raises(BlobCorrupted, match=f"{path} is damaged: .*cfsm restore FILE"):
        blobs.get(blob_hash)


def test_a_damaged_blob_is_mended_by_whoever_has_its_bytes(blobs):
    blob_hash = blobs.put(CODE)
    blobs.path(blob_hash).write_bytes(b"")

    assert blobs.put(CODE) == blob_hash
    assert blobs.get(blob_hash) == CODE


def test_a_folder_in_a_blobs_place_is_damage(blobs):
    blobs.path("a" * 64).mkdir(parents=True)

    with pytest.raises(BlobCorrupted, match="Is a directory"):
        blobs.get("a" * 64)


def test_too_much_is_refused(blobs, monkeypatch):
    monkeypatch.setattr("cfsm.adapters.blobs.MAX_BYTES", 10)

    with pytest.raises(ValueError, match="a blob of 11 bytes is larger than 10"):
        blobs.put(b"x" * 11)
    assert list(blobs) == []


def test_only_its_owner_can_read_it(blobs):
    path = blobs.path(blobs.put(CODE))

    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_a_write_that_fails_leaves_nothing(blobs, monkeypatch):
    blobs.put(b"first")

    def fails(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(TryAgain, match="the disk is full"):
        blobs.put(CODE)

    assert len(list(blobs)) == 1
    assert blobs.unfinished(-60) == []


def test_it_is_on_the_disk_before_it_has_its_name(blobs, monkeypatch):
    seen, fsync = [], os.fsync
    blob_hash = blobs.put(CODE)
    blobs.path(blob_hash).unlink()

    def watch(descriptor):
        seen.append((str(Path(f"/proc/self/fd/{descriptor}").readlink()), blob_hash in blobs))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watch)
    blobs.put(CODE)

    (file, named), *folders = seen
    assert file.endswith(".new")
    assert not named
    assert folders == [(str(blobs.path(blob_hash).parent), True), (str(blobs.folder), True)]


def test_a_place_that_is_no_folder_is_for_a_person_to_mend(tmp_path):
    (tmp_path / "blobs").write_text("not a folder")

    with pytest.raises(Misconfigured, match="cannot be used"):
        BlobFolder(tmp_path / "blobs").put(CODE)


def test_what_a_killed_writer_left_is_known(blobs):
    path = blobs.path(blobs.put(CODE)).with_name(".half.new")
    path.write_bytes(b"half")

    assert blobs.unfinished(-60) == [path]
    assert blobs.unfinished(3_600) == []
    assert len(list(blobs)) == 1
