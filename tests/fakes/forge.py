"""A forge that runs nothing: it speaks the forge's protocol on its socket and answers as the scripted engine does.

``python -m tests.fakes.forge --socket PATH [--seconds S] [--varied]``: each run takes up to S seconds, drawn from the
code. With ``--varied`` some codes, always the same ones, are refused by the validation or break in the backtest.
"""

import argparse
import hashlib
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from cfsm.adapters.freqtrade.protocol import (
    MAX_REQUEST_BYTES,
    Ask,
    Failure,
    FrameReader,
    Kind,
    Progress,
    Reaction,
    adapter,
    encode,
    load_request,
)
from cfsm.adapters.lifeline import exit_when_supervisor_dies
from cfsm.adapters.listening import passed_listener
from cfsm.adapters.systemd import Notifier
from cfsm.application.ports import BrokenStrategy, Misconfigured, TryAgain
from cfsm.domain.evaluation import BacktestOutcome, Finding, Stage, ValidationOutcome
from cfsm.domain.hyperopt import Epoch, Search
from tests.fakes.engine import FakeEngine

ROOT = Path(__file__).resolve().parents[2]
KINDS = 16


class VariedEngine(FakeEngine):
    """Finds fault with some codes, always the same ones: two of sixteen in the validation, one in the backtest."""

    _asked = None

    def validate(self, job, report):
        self._asked = Ask.VALIDATE
        return super().validate(job, report)

    def backtest(self, job, report):
        self._asked = Ask.BACKTEST
        return super().backtest(job, report)

    def _findings(self, job):
        kind = hashlib.sha256(job.source).digest()[0] % KINDS
        if self._asked is Ask.VALIDATE and kind == 0:
            return [Finding("POLICY_IMPORT", "`os` is not for strategies", 1, "Do without it.")]
        if self._asked is Ask.VALIDATE and kind == 1:
            return [Finding("NO_TRADES", "There were entry signals but no trade.", None, "Loosen the conditions.")]
        if self._asked is Ask.BACKTEST and kind == 2:
            return [Finding("INDICATORS_FAILED", "KeyError: 'rsi'", 3, "Correct what the message names.")]
        return []


def forge_command(path, *options):
    """Give the command that runs this forge."""
    return [sys.executable, "-m", "tests.fakes.forge", "--socket", str(path), *map(str, options)]


def until_it_answers(path, patience_seconds=30.0):
    """Wait until a forge serves the socket."""
    end = time.monotonic() + patience_seconds
    while True:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
                peer.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            assert time.monotonic() < end, f"no forge answers at {path}"
            time.sleep(0.01)
        else:
            return


def answer(peer, engine, longest_seconds):
    """Read one request and answer it."""
    frames = FrameReader({Kind.REQUEST: MAX_REQUEST_BYTES})
    with peer:
        while piece := peer.recv(1 << 20):
            for _, content in frames.feed(piece):
                peer.sendall(encode(*result(peer, engine, load_request(content), longest_seconds)))
                return


def result(peer, engine, request, longest_seconds):
    """Give the kind and the content of the last frame."""
    draw = hashlib.sha256(request.job.source).digest()[1] / 255
    pause_seconds = draw * longest_seconds / 4

    def report(stage, percent, words):
        if stage is not Stage.COMPLETED:
            time.sleep(pause_seconds)
            peer.sendall(encode(Kind.PROGRESS, adapter(Progress).dump_json(Progress(stage, percent, words))))

    try:
        if request.ask is Ask.VALIDATE:
            return Kind.RESULT, adapter(ValidationOutcome).dump_json(engine.validate(request.job, report))
        if request.ask is Ask.SPACES:
            return Kind.RESULT, adapter(Search).dump_json(engine.spaces(request.job, request.spaces, report))
        if request.ask is Ask.EPOCHS:
            epochs = engine.try_epochs(request.job, request.spaces, request.candidates, report)
            return Kind.RESULT, adapter(tuple[Epoch, ...]).dump_json(epochs)
        return Kind.RESULT, adapter(BacktestOutcome).dump_json(engine.backtest(request.job, report))
    except BrokenStrategy as error:
        failure = Failure(Reaction.BROKEN, str(error), error.findings)
    except Misconfigured as error:
        failure = Failure(Reaction.MISCONFIGURED, str(error))
    except TryAgain as error:
        failure = Failure(Reaction.TRY_AGAIN, str(error))
    return Kind.ERROR, adapter(Failure).dump_json(failure)


def listening_at(path):
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(64)
    return listener


def serve(options):
    """Serve until SIGTERM, a thread for each request."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    exit_when_supervisor_dies()
    listener = passed_listener() or listening_at(options.socket)
    listener.settimeout(1.0)
    notifier = Notifier.from_environment(dict(os.environ))
    notifier.ready()
    while True:
        notifier.watchdog()
        try:
            peer, _ = listener.accept()
        except TimeoutError:
            continue
        peer.settimeout(None)
        engine = VariedEngine() if options.varied else FakeEngine()
        threading.Thread(target=answer, args=(peer, engine, options.seconds), daemon=True).start()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--varied", action="store_true")
    threading.excepthook = lambda _: None  # a client that hung up, as killed ones do
    serve(parser.parse_args())
