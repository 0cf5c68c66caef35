"""Where a bot's process comes from: the port to it, and the one that makes it a child of this process."""

import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cfsm.adapters.freqtrade.dry_run.folder import LOG_FILE
from cfsm.adapters.memory import own_memory_bytes
from cfsm.adapters.sandbox.bot_cage import missing_for_bots
from cfsm.application.errors import Misconfigured

STOP_SECONDS = 15.0
"""So long may a bot take to end in order; then it is ended by force."""

_ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/nonexistent",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",  # sets of text in the same order in every run
    "PYTHONSAFEPATH": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "2",  # each would take 64 MB of the address space, which is bounded
}


@dataclass(frozen=True)
class ProcessState:
    """How a process fares. ``exit_words`` is empty while it lives, ``pid`` and ``memory_bytes`` are None after."""

    exit_words: str
    pid: int | None = None
    memory_bytes: int | None = None


class BotProcess(Protocol):
    """The process of one bot. It ends with whoever started it."""

    def state(self) -> ProcessState:
        """Tell how it fares; cheap."""

    def stop(self) -> None:
        """End it in order, at last by force; it has ended then. One that has ended is let be."""


class BotProcesses(Protocol):
    """Starts the processes of bots."""

    def require(self) -> None:
        """Raise Misconfigured where none can be started, and say what to do."""

    def start(self, folder: Path) -> BotProcess:
        """Start the bot of a folder. Raise Misconfigured or TryAgain, or the system's OSError."""


class Children:
    """Bots that are children of this process (``BotProcesses``)."""

    def require(self) -> None:
        """Raise Misconfigured where a bot cannot be caged."""
        missing = missing_for_bots()
        if missing:
            raise Misconfigured(f"bots run strangers' code and cannot be caged here: {'; '.join(missing)}")

    def start(self, folder: Path) -> "Child":
        """Start the bot of a folder. Raise OSError."""
        return Child(folder)


CHILDREN = Children()


class Child:
    """A bot that is a child of this process (``BotProcess``)."""

    def __init__(self, folder: Path) -> None:
        with (folder / LOG_FILE).open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cfsm.adapters.freqtrade.dry_run.bot", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_ENVIRONMENT,
                cwd=folder,
            )

    @property
    def pid(self) -> int:
        """The process's id, while it lives."""
        return self._process.pid

    def state(self) -> ProcessState:
        """Tell how it fares."""
        code = self._process.poll()
        if code is None:
            return ProcessState("", self.pid, own_memory_bytes(self.pid))
        return ProcessState(f"exit status {code}" if code >= 0 else f"signal {-code}")

    def stop(self) -> None:
        """End it in order, at last by force."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
