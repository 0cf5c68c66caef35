"""Files that are on the disk when a function returns, and what the system's errors about files ask of us."""

import errno
import os
from pathlib import Path

from cfsm.application.errors import Misconfigured, TryAgain

_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_SUCH_PLACE = {errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP}


def make_durable(path: Path) -> None:
    """Let the disk have what was written to a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move_aside(path: Path, folder: Path) -> None:
    """Move what is at the path, if anything is, into a folder that is made when it is needed."""
    if path.exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        path.rename(folder / path.name)
        make_durable(folder)


def of_system(error: OSError, path: Path) -> TryAgain | Misconfigured:
    """Give the error to raise for one of the system's about a path: a person's to mend, or to try again."""
    if error.errno in _DENIED | _NO_SUCH_PLACE:
        return Misconfigured(
            f"{path} cannot be used: {error.strerror}. Make it accessible to this user, or choose another place."
        )
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return TryAgain(f"{path} cannot be written: the disk is full. Free some space.")
    return TryAgain(f"{path} cannot be used: {error.strerror}")
