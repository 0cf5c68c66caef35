"""The loop of the forge's process: one thread that listens, prepares, forks, watches and answers."""

import argparse
import gc
import logging
import os
import selectors
import shutil
import signal
import socket
import tempfile
import time
from functools import partial
from pathlib import Path

import orjson
import psutil

from cfsm.adapters.freqtrade.concluding import Concluders
from cfsm.adapters.freqtrade.protocol import (
    MAX_REQUEST_BYTES,
    Ask,
    BadFrame,
    Failure,
    FrameReader,
    Kind,
    Reaction,
    Request,
    adapter,
    encode,
    load_request,
)
from cfsm.adapters.freqtrade.task import Phase, Task
from cfsm.adapters.freqtrade.versions import engine_name
from cfsm.adapters.freqtrade.warm_up import warm_up
from cfsm.adapters.freqtrade.workshop import Workshop
from cfsm.adapters.lifeline import exit_when_supervisor_dies
from cfsm.adapters.listening import listen_at, pass_on, passed_listener
from cfsm.adapters.logging import configure
from cfsm.adapters.sandbox.cage import missing_layers
from cfsm.adapters.systemd import Notifier

_LOOK_SECONDS = 0.2
_STATUS_SECONDS = 1.0
_PIECE_BYTES = 1 << 20

log = logging.getLogger("cfsm.forge")


class Conversation:
    """One client: a socket, the request it made, the frames that it has not taken yet."""

    def __init__(self, peer: socket.socket) -> None:
        self.peer = peer
        self.peer.setblocking(False)
        self.frames = FrameReader({Kind.REQUEST: MAX_REQUEST_BYTES})
        self.outgoing = bytearray()
        self.task: Task | None = None
        self.last_frame_sent = False

    def answer(self, kind: Kind, content: bytes) -> None:
        """Send a frame, as far as the client takes it now; the rest waits."""
        self.outgoing += encode(kind, content)
        self.last_frame_sent = kind in {Kind.RESULT, Kind.ERROR}

    def flush(self) -> bool:
        """Send what the client takes; say whether the conversation is over."""
        try:
            while self.outgoing:
                del self.outgoing[: self.peer.send(self.outgoing[:_PIECE_BYTES])]
        except BlockingIOError:
            return False
        except OSError:
            return True
        return self.last_frame_sent


class Forge:
    """Serves requests until `stop` is called."""

    def __init__(self, options: argparse.Namespace, listener: socket.socket, notifier: Notifier) -> None:
        self._options = options
        self._listener = listener
        self._notifier = notifier
        self._scratch = Path(tempfile.mkdtemp(prefix="cfsm-forge-"))
        self._workshop = Workshop(options.datasets, self._scratch)
        self._concluders = Concluders(self._workshop)
        self._missing = missing_layers()
        self._selector = selectors.DefaultSelector()
        self._conversations: set[Conversation] = set()
        self._waiting: list[Task] = []
        self._working: list[Task] = []
        self._pipes: dict[int, Task] = {}
        self._served = 0
        self._began = time.monotonic()
        self._busy_at = self._began
        self._told = 0.0
        self._stopping = False

    def stop(self, *_: object) -> None:
        """End in order, after the step that is under way."""
        self._stopping = True

    def serve(self) -> bool:
        """Serve; say whether the process should start afresh rather than end."""
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        if self._options.lifeline:
            self._selector.register(0, selectors.EVENT_READ, lambda _: self.stop())
        self._notifier.ready()
        try:
            while not self._stopping:
                if self._is_due_for_a_fresh_start():
                    return True
                if self._is_not_needed():
                    return False
                self._turn()
            return False
        finally:
            self._close()

    def _turn(self) -> None:
        preparing = any(task.phase is Phase.PREPARING for task in self._working)
        for key, mask in self._selector.select(0 if preparing else _LOOK_SECONDS):
            key.data(mask)
        for task in list(self._working):
            if task.phase is Phase.PREPARING:
                self._prepare(task)
            else:
                task.look()
            self._follow(task)
        while self._waiting and len(self._working) < self._options.slots:
            self._working.append(self._waiting.pop(0))
        for conversation in list(self._conversations):
            if conversation.outgoing:
                self._flush(conversation)
        self._tick()

    def _prepare(self, task: Task) -> None:
        task.prepare(self._tick)
        if task.phase is Phase.RUNNING:
            gc.freeze()  # what is warm is not walked, and so not copied, in the children

    def _follow(self, task: Task) -> None:
        """Watch the pipe of the task's present child, and let go of a task that is done."""
        pipe = task.child.pipe if task.child else None
        for known in [number for number, owner in self._pipes.items() if owner is task and number != pipe]:
            self._selector.unregister(known)
            del self._pipes[known]
        if pipe is not None and pipe not in self._pipes:
            self._pipes[pipe] = task
            self._selector.register(pipe, selectors.EVENT_READ, partial(self._read_child, task))
        if task.phase is Phase.DONE and task in self._working:
            self._working.remove(task)
            self._served += 1

    def _read_child(self, task: Task, _: int) -> None:
        before = task.child
        if before is None:
            return
        self._unregister_if_it_ends(task, before.pipe)

    def _unregister_if_it_ends(self, task: Task, pipe: int) -> None:
        """Read; a pipe that is closed by that leaves the selector before its number is used again."""
        self._selector.unregister(pipe)
        del self._pipes[pipe]
        task.read()
        self._follow(task)

    def _accept(self, _: int) -> None:
        try:
            peer, _address = self._listener.accept()
        except BlockingIOError:
            return
        conversation = Conversation(peer)
        self._conversations.add(conversation)
        self._selector.register(peer, selectors.EVENT_READ, partial(self._hear, conversation))

    def _hear(self, conversation: Conversation, mask: int) -> None:
        if mask & selectors.EVENT_WRITE:
            self._flush(conversation)
        if not mask & selectors.EVENT_READ or conversation not in self._conversations:
            return
        try:
            piece = conversation.peer.recv(_PIECE_BYTES)
            if not piece:
                self._hang_up(conversation)
                return
            for _, content in conversation.frames.feed(piece):
                self._take(conversation, load_request(content))
        except BlockingIOError:
            return
        except (OSError, BadFrame) as error:
            log.warning("a client was sent away: %s", error)
            self._hang_up(conversation)

    def _take(self, conversation: Conversation, request: Request) -> None:
        if request.ask is Ask.STATUS or request.job is None:
            conversation.answer(Kind.RESULT, orjson.dumps(self._status()))
        elif self._missing:
            message = f"The sandbox is not complete, so nothing is run: {'; '.join(self._missing)}"
            failure = Failure(Reaction.MISCONFIGURED, message)
            conversation.answer(Kind.ERROR, adapter(Failure).dump_json(failure))
        else:
            task = Task(request, request.job, self._workshop, self._concluders, self._scratch, conversation.answer)
            conversation.task = task
            first_not_urgent = next(
                (place for place, other in enumerate(self._waiting) if not other.request.urgent), len(self._waiting)
            )
            self._waiting.insert(first_not_urgent if request.urgent else len(self._waiting), task)

    def _flush(self, conversation: Conversation) -> None:
        if conversation.flush():
            self._hang_up(conversation)
        elif conversation in self._conversations:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if conversation.outgoing else 0)
            self._selector.modify(conversation.peer, events, partial(self._hear, conversation))

    def _hang_up(self, conversation: Conversation) -> None:
        self._selector.unregister(conversation.peer)
        conversation.peer.close()
        self._conversations.discard(conversation)
        task = conversation.task
        if task is not None and task.phase is not Phase.DONE:
            if task.child is not None:
                self._selector.unregister(task.child.pipe)
                del self._pipes[task.child.pipe]
            task.call_off()
            if task in self._waiting:
                self._waiting.remove(task)
            self._follow(task)

    def _tick(self) -> None:
        now = time.monotonic()
        self._concluders.rest()
        interval = min(_STATUS_SECONDS, self._notifier.watchdog_interval_seconds or _STATUS_SECONDS)
        if now - self._told >= interval:
            self._told = now
            self._notifier.watchdog()
            working = [task.in_words() for task in self._working] or ["idle"]
            self._notifier.status(", ".join([*working, f"{len(self._waiting)} waiting", f"{self._served} served"]))

    def _status(self) -> dict[str, object]:
        return {
            "engine": engine_name(stock=False),
            "pid": os.getpid(),
            "memory_mb": psutil.Process().memory_info().rss >> 20,
            "candles_mb": self._workshop.bytes_held() >> 20,
            "datasets": self._workshop.names(),
            "slots": self._options.slots,
            "waiting": len(self._waiting),
            "working": [
                {
                    "strategy": task.job.strategy_name,
                    "ask": task.request.ask.value,
                    "run_id": task.job.run_id,
                    "stage": task.progress.stage.value,
                    "percent": round(task.progress.percent),
                }
                for task in self._working
            ],
            "served": self._served,
            "age_seconds": round(time.monotonic() - self._began, 1),
            "missing_layers": self._missing,
        }

    def _is_due_for_a_fresh_start(self) -> bool:
        if self._working or self._waiting or self._conversations or not self._served:
            return False
        hours = (time.monotonic() - self._began) / 3600
        memory_mb: int = psutil.Process().memory_info().rss >> 20
        return bool(hours > self._options.recycle_hours or memory_mb > self._options.recycle_mb)

    def _is_not_needed(self) -> bool:
        """Say whether nobody has asked for so long that it may end: who holds its socket starts it again."""
        if self._working or self._waiting or self._conversations:
            self._busy_at = time.monotonic()
        idle_seconds = time.monotonic() - self._busy_at
        return bool(self._options.idle_exit_seconds and idle_seconds >= self._options.idle_exit_seconds)

    def _close(self) -> None:
        for task in [*self._working, *self._waiting]:
            task.fail("The forge is stopping")
        for conversation in list(self._conversations):
            conversation.flush()
            conversation.peer.close()
        self._concluders.close()
        self._selector.close()
        shutil.rmtree(self._scratch, ignore_errors=True)


def serve(options: argparse.Namespace, own_command: list[str]) -> int:
    """Serve until told to stop; start afresh, with the same socket, when that is due."""
    configure("forge", json=os.environ.get("CFSM_LOG") == "json", level=logging.WARNING)
    notifier = Notifier.from_environment(os.environ)
    listener = passed_listener() or _own_listener(options.socket)
    if listener is None:
        log.warning("%s is served already", options.socket)
        return 0
    warm_up()
    forge = Forge(options, listener, notifier)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, forge.stop)
    exit_when_supervisor_dies()
    if forge.serve():
        _start_afresh(listener, own_command)
    notifier.stopping()
    listener.close()
    return 0


def _own_listener(path: Path) -> socket.socket | None:
    own = listen_at(path)
    if own is None:
        return None
    listener, lock = own
    os.set_inheritable(lock, True)  # a fresh start keeps it; it ends with the process
    return listener


def _start_afresh(listener: socket.socket, own_command: list[str]) -> None:
    os.execve(own_command[0], own_command, os.environ | pass_on(listener))  # noqa: S606 (no shell is wanted)
