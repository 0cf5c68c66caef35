"""What lies where in a factory's home, and where its sockets lie."""

import os
import pwd
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from cfsm.adapters.durable import make_durable, of_system

EVENTS_FILE = "events.sqlite"
"""The event store, where it is SQLite's."""

BLOBS_FOLDER = "blobs"
PROJECTIONS_FOLDER = "projections"
DATA_FOLDER = "data"
"""The datasets."""

LOGS_FOLDER = "logs"
RUN_FOLDER = "run"
"""What is only true while a factory runs: its lock, its status, its sockets."""

RESTORING = "restoring"
"""What a restore puts in place lies here while it does; a home that has it is not whole."""

SOCKET_FOLDER_BYTES = 80
"""A unix socket's path may have 107 bytes; what is left is for its name."""


def make_home(home: Path) -> None:
    """Make the home, for this user's eyes only, if it is not there. Raise TryAgain or Misconfigured."""
    if home.is_dir():
        return
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_durable(home.parent)
    except OSError as error:
        raise of_system(error, home) from error


def act_as_owner(home: Path) -> None:
    """Let root go on as the home's owner, for good: what it makes there the factory must be able to write.

    Others, and root in a home of its own or in none yet, go on as they are.
    """
    if os.geteuid() != 0 or not home.is_dir():
        return
    owner = home.stat()
    if owner.st_uid == 0:
        return
    try:
        user = pwd.getpwuid(owner.st_uid)
        os.initgroups(user.pw_name, owner.st_gid)
    except KeyError:  # a user that this machine does not know by name
        os.setgroups([])
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)


def run_folder(home: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Give where the home's sockets lie: CFSM_RUNTIME_DIR, ``run`` in the home, or a short one if that is too long."""
    wanted = Path(environ.get("CFSM_RUNTIME_DIR") or home.absolute() / RUN_FOLDER)
    if len(os.fsencode(wanted)) <= SOCKET_FOLDER_BYTES:
        return wanted
    name = f"cfsm-{os.getuid()}-{sha256(os.fsencode(wanted)).hexdigest()[:16]}"
    short = Path(tempfile.gettempdir()) / name
    return short if len(os.fsencode(short)) <= SOCKET_FOLDER_BYTES else Path("/tmp") / name  # noqa: S108  named by us
