"""A backup's file: a tar of manifest.json, events.sqlite.zst and the blobs, in this order; `tar xf` opens it."""

import io
import os
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

import orjson
import zstandard

from cfsm.adapters.blobs import MAX_BYTES, unpack
from cfsm.adapters.durable import make_durable, of_system
from cfsm.application.errors import Misconfigured
from cfsm.application.ports import BlobCorrupted

FORMAT = 1
MANIFEST, EVENTS = "manifest.json", "events.sqlite.zst"
MAX_MANIFEST_BYTES = 16 * 2**20
CHUNK_BYTES = 2**20
LEVEL = 3

_BLOB = re.compile(r"blobs/([0-9a-f]{2})/(\1[0-9a-f]{62})\.zst")


class BadBackup(Misconfigured):
    """The file is no backup, or not whole; the message says what is wrong with it."""

    def __init__(self, file: Path, what: object) -> None:
        super().__init__(f"{file} is no whole backup of CFSM: {what}. Nothing was changed.")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup holds. ``head`` is the link of the last event, ``missing`` the blobs that were lost before it."""

    format: int
    cfsm: str
    created: str
    engine: str
    events: int
    head: str
    blobs: int
    missing: tuple[str, ...]
    events_bytes: int
    events_sha256: str

    def as_json(self) -> bytes:
        """Give it as the archive keeps it."""
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2)

    @classmethod
    def of(cls, text: bytes) -> "Manifest":
        """Read it. Raise ValueError, TypeError or KeyError for anything else."""
        facts: dict[str, Any] = orjson.loads(text)
        if facts["format"] != FORMAT:
            raise ValueError(f"it has the format {facts['format']}, this CFSM knows {FORMAT}; upgrade CFSM")
        return cls(**{**facts, "missing": tuple(facts["missing"])})


def write(target: Path, manifest: Manifest, events: Path, blobs: dict[str, Path], tick: Callable[[int], None]) -> None:
    """Write the archive and let the disk have it; ``tick`` hears how many blobs are in."""
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, MANIFEST, io.BytesIO(manifest.as_json()), len(manifest.as_json()))
        with events.open("rb") as packed:
            _add(tar, EVENTS, packed, events.stat().st_size)
        for done, (blob_hash, path) in enumerate(blobs.items(), 1):
            with path.open("rb") as blob:
                _add(tar, f"blobs/{blob_hash[:2]}/{blob_hash}.zst", blob, path.stat().st_size)
            tick(done)
    target.chmod(0o600)
    make_durable(target)


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    tar.addfile(member, content)


def pack(source: Path, target: Path) -> tuple[int, str]:
    """Compress a file; give its bytes and their sha256."""
    digest, size = sha256(), 0
    with source.open("rb") as plain, zstandard.ZstdCompressor(LEVEL).stream_writer(target.open("wb")) as packed:
        while chunk := plain.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            packed.write(chunk)
    return size, digest.hexdigest()


def unpack_into(file: Path, folder: Path, tick: Callable[[int, int], None]) -> tuple[Manifest, set[str]]:
    """Unpack an archive into an empty folder, each part held against its hash; give the manifest and the blobs.

    No name in the archive becomes a path unless it is one of ours. Raise BadBackup, TryAgain or Misconfigured.
    """
    blobs: set[str] = set()
    try:
        with tarfile.open(file, "r:") as tar:
            parts = _parts(tar)
            manifest = Manifest.of(_expect(parts, MANIFEST).read(MAX_MANIFEST_BYTES))
            _unpack_events(_expect(parts, EVENTS), folder / "events.sqlite", manifest)
            for name, content in parts:
                blobs.add(_unpack_blob(name, content, folder))
                tick(len(blobs), manifest.blobs)
    except (tarfile.TarError, zstandard.ZstdError, BlobCorrupted) as error:
        raise BadBackup(file, error) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadBackup(file, f"{type(error).__name__}: {error}") from error
    except OSError as error:
        raise of_system(error, Path(error.filename or folder)) from error
    if len(blobs) != manifest.blobs:
        raise BadBackup(file, f"it has {len(blobs)} of {manifest.blobs} blobs")
    return manifest, blobs


def _parts(tar: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    for member in tar:
        content = tar.extractfile(member) if member.isreg() else None
        if content is None:
            raise ValueError(f"{member.name!r} in it is not a plain file")
        yield member.name, content


def _expect(parts: Iterator[tuple[str, IO[bytes]]], name: str) -> IO[bytes]:
    found, content = next(parts, ("nothing", io.BytesIO()))
    if found != name:
        raise ValueError(f"it has {found!r} where {name} should be")
    return content


def _unpack_events(packed: IO[bytes], target: Path, manifest: Manifest) -> None:
    digest, size = sha256(), 0
    with target.open("xb") as plain, zstandard.ZstdDecompressor().stream_reader(packed) as reader:
        while chunk := reader.read(CHUNK_BYTES):
            size += len(chunk)
            if size > manifest.events_bytes:
                break
            digest.update(chunk)
            plain.write(chunk)
    if (size, digest.hexdigest()) != (manifest.events_bytes, manifest.events_sha256):
        raise ValueError("its events are not those that its manifest tells of")
    target.chmod(0o600)
    make_durable(target)


def _unpack_blob(name: str, content: IO[bytes], folder: Path) -> str:
    found = _BLOB.fullmatch(name)
    if found is None:
        raise ValueError(f"{name!r} does not belong into it")
    blob_hash = found.group(2)
    packed = content.read(MAX_BYTES)
    path = folder / name
    if path.exists():
        raise ValueError(f"{name!r} is in it twice")
    unpack(packed, blob_hash, Path(name))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(packed)
        file.flush()
        os.fsync(file.fileno())
    return blob_hash
