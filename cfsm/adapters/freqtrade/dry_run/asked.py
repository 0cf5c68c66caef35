"""Bots in units of their own, asked for at a socket: see ``unit``, which is at its other end."""

import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from cfsm.adapters.freqtrade.dry_run.processes import STOP_SECONDS, ProcessState
from cfsm.application.errors import Misconfigured, TryAgain

ANSWER_SECONDS = 30.0
"""systemd starts the unit and Python in it within a second or two; what takes longer is in trouble."""

_MAX_LINE_BYTES = 65_536
_LOST = "its unit was ended"


class Units:
    """Bots that systemd runs, each in a unit of its own (``BotProcesses``). ``path`` is the socket's."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def require(self) -> None:
        """Raise Misconfigured where the socket is not there."""
        if not self._path.is_socket():
            raise Misconfigured(
                f"systemd does not listen at {self._path} for the bots of forward tests: `cfsm systemd install`, "
                "then `cfsm restart`"
            )

    def start(self, folder: Path) -> "Unit":
        """Let systemd start the bot of a folder. Raise Misconfigured or TryAgain."""
        return Unit(self._path, folder.parent.name)


class Unit:
    """A bot in a unit of its own (``BotProcess``): as long as the connection to it stands."""

    def __init__(self, path: Path, key: str) -> None:
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._connection.settimeout(ANSWER_SECONDS)
        self._read = b""
        self._exit_words = ""
        try:
            self._connection.connect(str(path))
            answer = self._ask(orjson.dumps({"bot": key}))
        except OSError as error:
            self._connection.close()
            raise TryAgain(f"no unit for the bot: {error}") from error
        if "pid" not in answer:
            self._connection.close()
            words = f"no unit for the bot: {answer.get('refused') or answer.get('ended') or 'systemd started none'}"
            raise (Misconfigured if "refused" in answer else TryAgain)(words)

    def state(self) -> ProcessState:
        """Tell how the bot fares, as its unit says."""
        if self._exit_words:
            return ProcessState(self._exit_words)
        try:
            answer = self._ask(b"")
        except TimeoutError:
            return ProcessState("")  # its machine is busy: what is silent for long is stopped by who watches
        except OSError:
            answer = {}
        if "pid" in answer:
            return ProcessState("", answer["pid"], answer["memory_bytes"])
        self._exit_words = answer.get("ended") or _LOST
        return ProcessState(self._exit_words)

    def stop(self) -> None:
        """Hang up, and wait until the unit has ended the bot."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)
            self._connection.settimeout(STOP_SECONDS + ANSWER_SECONDS)
            while self._connection.recv(_MAX_LINE_BYTES):
                pass
        self._connection.close()
        self._exit_words = self._exit_words or "stopped"

    def _ask(self, line: bytes) -> Mapping[str, Any]:
        """Say a line, and give the answer; nothing where the connection was closed instead. Raise OSError."""
        with suppress(BrokenPipeError):  # it has ended; how it did is still to be read
            self._connection.sendall(line + b"\n")
        while b"\n" not in self._read:
            piece = self._connection.recv(_MAX_LINE_BYTES)
            if not piece:
                return {}
            self._read += piece
        first, _, self._read = self._read.partition(b"\n")
        answer: Mapping[str, Any] = orjson.loads(first)
        return answer
