"""The factory's processes under systemd, as the coordinator has them started and ended without a word to systemd.

For each worker in reserve that is wanted there is a file, which a path unit looks for; see systemd/units. A worker is
ended by a signal: it is the same user's, and systemd starts again what should run on.
"""

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

from cfsm.adapters.home import RUN_FOLDER
from cfsm.adapters.pulse import now_seconds, read_sign

WANTED_FOLDER = "wanted"
FRESH_SECONDS = 60.0
"""A worker that was silent for longer is left to systemd's watchdog: its process may be another one by now."""


class ReservesOfSystemd:
    """Workers under systemd (``Processes``): the least of a role always run, those beyond it are in reserve."""

    def __init__(
        self,
        home: Path,
        run_folder: Path,
        name_of: Callable[[str, int], str],
        least: Mapping[str, int],
        most: Mapping[str, int],
    ) -> None:
        self._wanted = home / RUN_FOLDER / WANTED_FOLDER
        self._run_folder = run_folder
        self._name_of = name_of
        self._least = least
        self._most = most

    def name_of(self, role: str, instance: int) -> str:
        """Give the name of a worker of a role; the first instance is 1."""
        return self._name_of(role, instance)

    def count(self, role: str) -> int | None:
        """Give how many of a role are wanted; None for a role that is not known."""
        if role not in self._least:
            return None
        return self._least[role] + sum(self._file(role, number).exists() for number in self._reserves(role))

    def run(self, role: str, count: int) -> None:
        """Let the first ``count`` of a role run and no others."""
        self._wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in self._reserves(role):
            file = self._file(role, number)
            if number <= count:
                file.touch()
            elif file.exists():
                file.unlink(missing_ok=True)
                self._end(self._name_of(role, number))

    def restart(self, name: str) -> None:
        """Let a worker end in order; systemd starts it again."""
        self._end(name)

    def _reserves(self, role: str) -> range:
        return range(self._least.get(role, 0) + 1, self._most.get(role, 0) + 1)

    def _file(self, role: str, number: int) -> Path:
        return self._wanted / f"{role}-{number}"

    def _end(self, name: str) -> None:
        sign = read_sign(self._run_folder, name)
        if sign is None or sign.has_ended or not 0 <= now_seconds() - sign.at <= FRESH_SECONDS:
            return
        try:
            pidfd = os.pidfd_open(sign.pid)
        except OSError:  # it is gone
            return
        try:
            signal.pidfd_send_signal(pidfd, signal.SIGTERM)
        except (ProcessLookupError, PermissionError):
            pass
        finally:
            os.close(pidfd)
