"""Blobs: bytes kept under the sha256 of their content, compressed, one file each, beside the event store."""

import os
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import zstandard

from cfsm.application.ports import BlobCorrupted, BlobMissing, Misconfigured, TryAgain

LEVEL = 6
HASH_DIGITS = 64
MAX_BYTES = 256 * 2**20
"""No blob is larger: more than that is refused when it is put."""


class BlobFolder:
    """A folder of blobs: ``ab/ab12…zst``. Written beside, made durable, then named: no crash leaves half a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, blob_hash: str) -> Path:
        """Give where the blob lies. Raise BlobMissing for what is no hash."""
        if len(blob_hash) != HASH_DIGITS or not set(blob_hash) <= set("0123456789abcdef"):
            raise BlobMissing(f"{blob_hash!r} is not a sha256 in hex")
        return self.folder / blob_hash[:2] / f"{blob_hash}.zst"

    def put(self, content: bytes) -> str:
        """Keep these bytes and give their hash; on return they are durable. Raise TryAgain or Misconfigured."""
        if len(content) > MAX_BYTES:
            raise ValueError(f"a blob of {len(content)} bytes is larger than {MAX_BYTES}")
        blob_hash = sha256(content).hexdigest()
        path = self.path(blob_hash)
        if path.exists():
            return blob_hash
        try:
            self._write(path, zstandard.compress(content, LEVEL))
        except PermissionError as error:
            raise Misconfigured(f"blobs cannot be written in {self.folder}: {error.strerror}") from error
        except OSError as error:
            raise TryAgain(f"a blob could not be written in {self.folder}: {error.strerror}") from error
        return blob_hash

    def _write(self, path: Path, packed: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, beside = tempfile.mkstemp(prefix=".", suffix=".new", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(packed)
                file.flush()
                os.fsync(file.fileno())
            Path(beside).replace(path)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
        for folder in (path.parent, self.folder):
            _make_durable(folder)

    def get(self, blob_hash: str) -> bytes:
        """Give the bytes. Raise BlobMissing, or BlobCorrupted naming the file."""
        path = self.path(blob_hash)
        try:
            packed = path.read_bytes()
        except FileNotFoundError:
            raise BlobMissing(f"no blob {blob_hash} in {self.folder}") from None
        try:
            content = zstandard.ZstdDecompressor().decompress(packed, max_output_size=MAX_BYTES)
        except zstandard.ZstdError as error:
            raise BlobCorrupted(f"{path} is damaged: {error}. Restore it from a backup (`cfsm restore`).") from error
        if sha256(content).hexdigest() != blob_hash:
            raise BlobCorrupted(
                f"{path} holds other bytes than its name says. Restore it from a backup (`cfsm restore`)."
            )
        return content

    def __contains__(self, blob_hash: str) -> bool:
        return self.path(blob_hash).exists()

    def __iter__(self) -> Iterator[str]:
        """Give the hashes of all blobs, in order."""
        return (path.name.removesuffix(".zst") for path in sorted(self.folder.glob("??/*.zst")))


def _make_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
