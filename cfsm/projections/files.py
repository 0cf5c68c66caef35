"""Where a projection lies: its file, its lock, and the swap of a new file for an old one.

``<name>-v<version>.sqlite`` is a link to a generation, ``<name>-v<version>.<n>.db``. A rebuilt projection is a new
generation, and the swap is one rename of a new link over the old: whoever has the old one open keeps its database,
its write-ahead log and its index, none of which shares a name with the new one's. A file put in the old one's place
would find the old one's write-ahead log beside it, and take it for its own.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cfsm.projections.base import Projection

BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite puts beside a database."""


class InUse(Exception):
    """Another process writes this projection; the message says which projection and what to do."""


@dataclass(frozen=True)
class Home:
    """The place of one projection in one version."""

    directory: Path
    name: str
    version: int

    @classmethod
    def of(cls, projection: type[Projection], directory: Path) -> "Home":
        """Give the place of a projection in this directory."""
        return cls(directory, projection.name, projection.version)

    @property
    def path(self) -> Path:
        """The database, as readers open it."""
        return self.directory / f"{self._stem}.sqlite"

    @property
    def building(self) -> Path:
        """The database that is being built."""
        return self.directory / f"{self._stem}.sqlite.building"

    @property
    def wish(self) -> Path:
        """The mark by which whoever may not write asks the writer for a rebuild."""
        return self.directory / f"{self._stem}.sqlite.rebuild"

    @property
    def _stem(self) -> str:
        return f"{self.name}-v{self.version}"

    def lock(self) -> int:
        """Take the right to write, and give the descriptor that holds it until closed. Raise InUse."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.directory / f"{self._stem}.sqlite.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise InUse(
                f"another process keeps the projection {self.name} up to date. Read it as it is, ask for a rebuild "
                "with `cfsm projections rebuild`, or stop the factory first"
            ) from None
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def inode(self) -> tuple[int, int] | None:
        """Say which file readers find at the moment; None if there is none."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def ask_for_rebuild(self) -> bool:
        """Leave the wish for a rebuild; False where the directory may not be written to."""
        try:
            self.wish.touch(mode=0o600)
        except OSError:
            return False
        return True

    def clear_building(self) -> None:
        """Remove what an interrupted build left. Only for the holder of the lock."""
        _remove(self.building)

    def swap(self) -> None:
        """Let readers find what was built, durably, and remove what it replaces. Only for the holder of the lock."""
        generation = self.directory / f"{self._stem}.{self._last_generation() + 1}.db"
        _sync(self.building)
        self.building.rename(generation)
        link = self.directory / f"{self._stem}.sqlite.link"
        link.unlink(missing_ok=True)
        link.symlink_to(generation.name)
        _sync(self.directory)
        link.rename(self.path)
        _sync(self.directory)
        self.wish.unlink(missing_ok=True)
        self._remove_generations(kept=generation)
        _remove_beside(self.path)
        self._remove_older_versions()

    def _generations(self) -> list[Path]:
        return sorted(self.directory.glob(f"{self._stem}.[0-9]*.db"))

    def _last_generation(self) -> int:
        return max((int(path.name.split(".")[1]) for path in self._generations()), default=0)

    def _remove_generations(self, kept: Path | None = None) -> None:
        for path in self._generations():
            if path != kept:
                _remove(path)

    def _remove_older_versions(self) -> None:
        for version in range(1, self.version):
            older = Home(self.directory, self.name, version)
            if not (os.path.lexists(older.path) or older._generations()):
                continue
            with suppress(InUse), _held(older):
                _remove(older.path)
                older.clear_building()
                older.wish.unlink(missing_ok=True)
                older._remove_generations()


@contextmanager
def _held(home: Home) -> Iterator[None]:
    descriptor = home.lock()
    try:
        yield
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    # The database first: a reader that comes between finds none, rather than one without its write-ahead log.
    path.unlink(missing_ok=True)
    _remove_beside(path)


def _remove_beside(path: Path) -> None:
    for ending in BESIDE:
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
