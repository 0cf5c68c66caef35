"""A real PostgreSQL server for tests: its own folder, its own unix socket, no network, gone with the tests."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self
from uuid import uuid4

from cfsm.adapters.event_store.opening import StoreTerms

UNPRIVILEGED = 65_534
"""PostgreSQL refuses to run as root; then it runs as nobody."""

FAST = (
    "-c fsync=off -c full_page_writes=off -c listen_addresses='' -c max_connections=100 "
    "-c shared_buffers=16MB -c autovacuum=off -c logging_collector=off"
)


def binaries() -> Path | None:
    """Give the folder of PostgreSQL's programs, or None where they are not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name), reverse=True)
    if config := shutil.which("pg_config"):
        found = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False).stdout.strip()
        folders.append(Path(found))
    return next((each for each in folders if (each / "initdb").exists() and (each / "pg_ctl").exists()), None)


class PostgresServer:
    """Runs from ``start`` to ``stop``."""

    def __init__(self, programs: Path, options: str = FAST) -> None:
        self._programs = programs
        self._options = options
        self.folder = Path(tempfile.mkdtemp(prefix="cfsm-pg-", dir="/tmp"))
        self.folder.chmod(0o755)
        if os.getuid() == 0:
            os.chown(self.folder, UNPRIVILEGED, UNPRIVILEGED)

    def start(self) -> Self:
        self._run("initdb", "--no-sync", "--auth=trust", "--username=cfsm", "--encoding=UTF8", "-D", self._data)
        self.go_on()
        return self

    def go_on(self) -> None:
        """Start it where it was."""
        options = f"{self._options} -c unix_socket_directories='{self.folder}'"
        self._run("pg_ctl", "start", "-w", "-s", "-D", self._data, "-l", self.folder / "log", "-o", options)

    def halt(self) -> None:
        """Stop it at once; connections are cut."""
        self._run("pg_ctl", "stop", "-w", "-s", "-m", "immediate", "-D", self._data)

    def stop(self) -> None:
        self.halt()
        shutil.rmtree(self.folder)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _run(self, program: str, *arguments: object) -> None:
        uid = {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []} if os.getuid() == 0 else {}
        subprocess.run(
            [self._programs / program, *map(str, arguments)],
            check=True,
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": str(self.folder)},
            stdout=subprocess.DEVNULL,
            timeout=60,
            **uid,
        )

    def terms(self, **others: object) -> StoreTerms:
        """Give how a store of its own is reached: a new schema each time."""
        given = {"host": str(self.folder), "dbname": "postgres", "user": "cfsm", "schema": f"s{uuid4().hex[:12]}"}
        return StoreTerms(engine="postgres", **{**given, **others})
