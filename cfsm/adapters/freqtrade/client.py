"""The engine as the rest of CFSM sees it: a client of the forge, which it starts where none is running."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import orjson
from pydantic import ValidationError

from cfsm.adapters.freqtrade.protocol import (
    MAX_PROGRESS_BYTES,
    Ask,
    BadFrame,
    Failure,
    FrameReader,
    Kind,
    Progress,
    Reaction,
    Request,
    Said,
    adapter,
    dump_request,
    encode,
)
from cfsm.adapters.freqtrade.versions import engine_name
from cfsm.application.ports import BrokenStrategy, Misconfigured, Report, TryAgain
from cfsm.domain.evaluation import BacktestOutcome, Job, Stage, ValidationOutcome
from cfsm.domain.hyperopt import Candidate, Epoch, Search

_HEARTBEAT_SECONDS = 0.5
_START_SECONDS = 60.0
_MAX_OUTCOME_BYTES = 512 * 1024 * 1024
_PIECE_BYTES = 1 << 20


def forge_command(socket_path: Path, datasets: Path, *options: str) -> list[str]:
    """Give the command that runs a forge serving this socket with the datasets of this folder."""
    program = [sys.executable, "-m", "cfsm.adapters.freqtrade.server"]
    return [*program, "--socket", str(socket_path), "--datasets", str(datasets), *options]


class ForgeEngine:
    """Runs strategies in the forge behind a unix socket.

    With ``datasets`` a forge is started where none answers, and ends with this process; without it TryAgain is raised.
    ``stock`` asks for Freqtrade's own loop; ``urgent`` goes before the queue; with ``keeps_log`` the warnings and
    errors that Freqtrade logged in the last run are in ``log``, not in the forge's. One thread at a time.
    """

    def __init__(
        self,
        socket_path: Path,
        datasets: Path | None = None,
        *,
        stock: bool = False,
        urgent: bool = False,
        keeps_log: bool = False,
    ) -> None:
        self.log: list[Said] = []
        self._socket_path = socket_path
        self._datasets = datasets
        self._stock = stock
        self._urgent = urgent
        self._keeps_log = keeps_log
        self._forge: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """The engine and its versions."""
        return engine_name(stock=self._stock)

    def validate(self, job: Job, report: Report) -> ValidationOutcome:
        """Load and execute the strategy on real candles. Raise TryAgain, Misconfigured or Cancelled."""
        outcome: ValidationOutcome = self._ask(self._request(Ask.VALIDATE, job), report, ValidationOutcome)
        return outcome

    def second_opinion(self, job: Job, report: Report) -> ValidationOutcome:
        """Have Freqtrade's own analyses look at a strategy. Raise TryAgain, Misconfigured or Cancelled."""
        outcome: ValidationOutcome = self._ask(self._request(Ask.SECOND_OPINION, job), report, ValidationOutcome)
        return outcome

    def backtest(self, job: Job, report: Report) -> BacktestOutcome:
        """Backtest the strategy. Raise BrokenStrategy, TryAgain, Misconfigured or Cancelled."""
        outcome: BacktestOutcome = self._ask(self._request(Ask.BACKTEST, job), report, BacktestOutcome)
        return outcome

    def spaces(self, job: Job, spaces: Sequence[str], report: Report) -> Search:
        """Give the dimensions of these spaces. Raise BrokenStrategy, TryAgain, Misconfigured or Cancelled."""
        request = self._request(Ask.SPACES, job, spaces=tuple(spaces))
        found: Search = self._ask(request, report, Search)
        return found

    def try_epochs(
        self, job: Job, spaces: Sequence[str], candidates: Sequence[Candidate], report: Report
    ) -> tuple[Epoch, ...]:
        """Backtest with each candidate in turn. Raise BrokenStrategy, TryAgain, Misconfigured or Cancelled."""
        request = self._request(Ask.EPOCHS, job, spaces=tuple(spaces), candidates=tuple(candidates))
        epochs: tuple[Epoch, ...] = self._ask(request, report, tuple[Epoch, ...])
        return epochs

    def status(self) -> dict[str, Any]:
        """Tell how the forge fares: memory, queue, runs under way, warm datasets. Raise TryAgain without one."""
        with self._connected() as peer:
            peer.sendall(encode(Kind.REQUEST, dump_request(Request(Ask.STATUS))))
            answer: dict[str, Any] = orjson.loads(_Answers(peer, lambda *_: None, []).last())
            return answer

    def close(self) -> None:
        """End the forge that this client started, if it did."""
        if self._forge is not None:
            assert self._forge.stdin is not None
            self._forge.stdin.close()  # its lifeline
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._forge.wait(10)
            if self._forge.poll() is None:
                self._forge.kill()
                self._forge.wait()
            self._forge = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _request(self, ask: Ask, job: Job, **more: Any) -> bytes:
        more |= {"stock": self._stock, "urgent": self._urgent, "wants_log": self._keeps_log}
        return dump_request(Request(ask, job, **more))

    def _ask(self, request: bytes, report: Report, kind: Any) -> Any:
        report(Stage.LOADING_DATA, 0.0, "waiting for the forge")
        self.log = []
        with self._connected() as peer:
            try:
                peer.sendall(encode(Kind.REQUEST, request))
                content = _Answers(peer, report, self.log).last()
            except OSError as error:
                raise TryAgain(f"The forge went away: {error}") from error
        try:
            outcome = adapter(kind).validate_json(content)
        except ValidationError as error:
            raise TryAgain(f"The forge's answer is not understood: {error.errors()[0]['msg']}") from error
        report(Stage.COMPLETED, 100.0, "")
        return outcome

    def _connected(self) -> socket.socket:
        """Give a connection; start a forge first where there is none and one may be started."""
        peer = self._try_to_connect()
        if peer is not None:
            return peer
        if self._datasets is None:
            raise TryAgain(f"No forge answers at {self._socket_path}: start one with `cfsm run` or `cfsm forge`")
        self._start(self._datasets)
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            peer = self._try_to_connect()
            if peer is not None:
                return peer
            if self._forge is not None and self._forge.poll():
                status, self._forge = self._forge.returncode, None
                raise TryAgain(
                    f"The forge ended with exit status {status} while starting; its last words are on stderr"
                )
            time.sleep(0.02)
        raise TryAgain(f"The forge did not answer at {self._socket_path} within {_START_SECONDS:g} seconds")

    def _try_to_connect(self) -> socket.socket | None:
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            peer.connect(str(self._socket_path))
        except (FileNotFoundError, ConnectionRefusedError):
            peer.close()
            return None
        except OSError as error:
            peer.close()
            raise Misconfigured(f"The forge's socket {self._socket_path} cannot be used: {error}") from error
        return peer

    def _start(self, datasets: Path) -> None:
        if self._forge is not None and self._forge.poll() is None:
            return  # it is starting
        self.close()
        self._forge = subprocess.Popen(
            forge_command(self._socket_path, datasets, "--lifeline"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8"},
            start_new_session=True,
        )


class _Answers:
    """Reads a forge's frames until the last one; tells of progress, and of silence too, at least once a second.

    Lines of Freqtrade's log are added to ``log``.
    """

    def __init__(self, peer: socket.socket, report: Report, log: list[Said]) -> None:
        self._peer = peer
        self._report = report
        self._log = log
        self._frames = FrameReader(
            {
                Kind.PROGRESS: MAX_PROGRESS_BYTES,
                Kind.LOG: MAX_PROGRESS_BYTES,
                Kind.RESULT: _MAX_OUTCOME_BYTES,
                Kind.ERROR: _MAX_OUTCOME_BYTES,
            }
        )
        self._progress = Progress(Stage.LOADING_DATA, 0.0, "waiting for the forge")

    def last(self) -> bytes:
        """Give the result. Raise what an error frame stands for, TryAgain where the forge hangs up."""
        self._peer.settimeout(_HEARTBEAT_SECONDS)
        while True:
            try:
                piece = self._peer.recv(_PIECE_BYTES)
            except TimeoutError:
                self._say()
                continue
            if not piece:
                raise TryAgain("The forge ended before the run did")
            for kind, content in self._understood(piece):
                if kind is Kind.RESULT:
                    return content
                if kind is Kind.ERROR:
                    _raise(content)
                if kind is Kind.LOG:
                    self._log.append(adapter(Said).validate_json(content))
                    continue
                self._progress = adapter(Progress).validate_json(content)
                self._say()

    def _understood(self, piece: bytes) -> list[tuple[Kind, bytes]]:
        try:
            return self._frames.feed(piece)
        except BadFrame as error:
            raise TryAgain(f"The forge's answer is not understood: {error}") from error

    def _say(self) -> None:
        self._report(self._progress.stage, self._progress.percent, self._progress.words)


def _raise(content: bytes) -> None:
    failure: Failure = adapter(Failure).validate_json(content)
    if failure.reaction is Reaction.BROKEN:
        raise BrokenStrategy(*failure.findings)
    if failure.reaction is Reaction.MISCONFIGURED:
        raise Misconfigured(failure.message)
    raise TryAgain(failure.message)
