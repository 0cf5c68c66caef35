"""Blobs: bytes kept under the sha256 of their content, compressed, one file each, beside the event store."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import zstandard

from cfsm.adapters.durable import make_durable, of_system
from cfsm.application.errors import Misconfigured
from cfsm.application.ports import BlobCorrupted, BlobMissing

LEVEL = 6
HASH_DIGITS = 64
MAX_BYTES = 256 * 2**20
"""No blob is larger: more than that is refused when it is put."""

UNFINISHED = ".new"
"""How the names of files end that are being written; a killed writer leaves its own."""

_HEX = frozenset("0123456789abcdef")


class BlobFolder:
    """A folder of blobs: ``ab/ab12…zst``. Written beside, made durable, then named: no crash leaves half a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, blob_hash: str) -> Path:
        """Give where the blob lies. Raise BlobMissing for what is no hash."""
        if not is_hash(blob_hash):
            raise BlobMissing(f"{blob_hash!r} is not a sha256 in hex")
        return self.folder / blob_hash[:2] / f"{blob_hash}.zst"

    def put(self, content: bytes) -> str:
        """Keep these bytes and give their hash; on return they are durable. Raise TryAgain or Misconfigured."""
        if len(content) > MAX_BYTES:
            raise ValueError(f"a blob of {len(content)} bytes is larger than {MAX_BYTES}")
        blob_hash = sha256(content).hexdigest()
        path = self.path(blob_hash)
        try:
            if not self._has(blob_hash):  # a damaged one is written again
                self._write(path, zstandard.compress(content, LEVEL))
            # Also for one that was there: whoever wrote it may not have come this far.
            for folder in (path.parent, self.folder):
                make_durable(folder)
        except OSError as error:
            raise of_system(error, self.folder) from error
        return blob_hash

    def _has(self, blob_hash: str) -> bool:
        try:
            self.get(blob_hash)
        except (BlobMissing, BlobCorrupted):
            return False
        return True

    def _write(self, path: Path, packed: bytes) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, beside = tempfile.mkstemp(prefix=".", suffix=UNFINISHED, dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(packed)
                file.flush()
                os.fsync(file.fileno())
            Path(beside).replace(path)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise

    def get(self, blob_hash: str) -> bytes:
        """Give the bytes. Raise BlobMissing, Misconfigured, or BlobCorrupted naming the file."""
        path = self.path(blob_hash)
        try:
            packed = path.read_bytes()
        except FileNotFoundError:
            raise BlobMissing(f"no blob {blob_hash} in {self.folder}") from None
        except PermissionError as error:
            raise Misconfigured(f"{path} cannot be read: {error.strerror}. Make it readable for this user.") from error
        except OSError as error:
            raise _corrupted(path, error.strerror) from error
        return unpack(packed, blob_hash, path)

    def __contains__(self, blob_hash: str) -> bool:
        return self.path(blob_hash).exists()

    def __iter__(self) -> Iterator[str]:
        """Give the hashes of all blobs, in order."""
        return (path.name.removesuffix(".zst") for path in sorted(self.folder.glob("??/*.zst")))

    def unfinished(self, older_seconds: float) -> list[Path]:
        """Give the files that killed writers left: those that nobody has written to for so long."""
        before = time.time() - older_seconds
        left = []
        for path in sorted(self.folder.glob(f"??/.*{UNFINISHED}")):
            with suppress(FileNotFoundError):  # its writer was at work after all
                if path.stat().st_mtime < before:
                    left.append(path)
        return left


def is_hash(text: str) -> bool:
    """Say whether this is a sha256 in hex."""
    return len(text) == HASH_DIGITS and set(text) <= _HEX


def unpack(packed: bytes, blob_hash: str, path: Path) -> bytes:
    """Give the bytes of a blob's file. Raise BlobCorrupted naming the file."""
    try:
        bound = zstandard.frame_content_size(packed)
        if bound > MAX_BYTES:
            raise _corrupted(path, f"it says that it is {bound} bytes long")
        content = zstandard.ZstdDecompressor().decompress(packed, max_output_size=MAX_BYTES)
    except zstandard.ZstdError as error:
        raise _corrupted(path, error) from error
    if sha256(content).hexdigest() != blob_hash:
        raise _corrupted(path, "it holds other bytes than its name says")
    return content


def _corrupted(path: Path, what: object) -> BlobCorrupted:
    return BlobCorrupted(f"{path} is damaged: {what}. Restore it from a backup (`cfsm restore FILE --replace`).")
