"""Forks of the forge that conclude one run after another, as long as there is work.

To fork a warm process takes longer than most conclusions do. They see data, never a strategy; what could tell on the
next conclusion ends them all the same: an error, new candles, many conclusions.
"""

import contextlib
import socket
import struct
import time
from collections.abc import Callable
from functools import partial

from cfsm.adapters.freqtrade.children import Channel, Child
from cfsm.adapters.freqtrade.conclusion import Measured, conclude
from cfsm.adapters.freqtrade.protocol import (
    MAX_REQUEST_BYTES,
    FrameReader,
    Kind,
    Request,
    dump_request,
    encode,
    load_request,
)
from cfsm.adapters.freqtrade.workshop import Prepared, Workshop
from cfsm.domain.evaluation import Limits

_LIMITS = Limits(wall_seconds=120.0, cpu_seconds=120.0, memory_mb=2048, output_mb=256)
"""Of one conclusion."""

_BUSY_SECONDS = 60.0
_MOST_CONCLUSIONS = 200
_MOST_BYTES = 4 * 1024 * 1024
"""A result that is larger than this gets a fork of its own, which leaves no memory behind."""

_IDLE_SECONDS = 5.0
_HEARS_WITHIN_SECONDS = 5.0
_MEASURED = struct.Struct("!d")


class Concluder(Child):
    """A caged fork that knows the workshop as it is now. One conclusion at a time; `end` says that it is over."""

    def __init__(self, workshop: Workshop, give_back: "Callable[[Concluder], None]") -> None:
        self.revision = workshop.revision
        self.idle_since = 0.0
        self._give_back = give_back
        self._conclusions = 0
        self._busy_seconds = 0.0
        self._has_answered = False
        limits = Limits(_LIMITS.wall_seconds, _LIMITS.cpu_seconds + _BUSY_SECONDS, _LIMITS.memory_mb, _LIMITS.output_mb)
        super().__init__(partial(_serve, workshop), workshop.folders(), limits, _both_ways)
        self._peer = socket.socket(fileno=self.pipe)
        self._peer.settimeout(_HEARS_WITHIN_SECONDS)

    def ask(self, request: Request, raw: bytes, measured: Measured) -> None:
        """Begin a conclusion. Raise OSError where the process is gone or does not listen."""
        self._begin()
        self._has_answered = False
        self._conclusions += 1
        self._peer.sendall(encode(Kind.REQUEST, dump_request(request)))
        self._peer.sendall(encode(Kind.RESULT, _MEASURED.pack(measured.seconds) + raw))

    def read(self) -> list[tuple[Kind, bytes]]:
        """Give the frames that have arrived. Raise Ended where no more will come."""
        frames = super().read()
        self._has_answered = any(kind is Kind.RESULT for kind, _ in frames)
        return frames

    def end(self) -> None:
        """Be idle after an answer, as long as that is safe; otherwise end the process."""
        self._busy_seconds += self.seconds
        is_used_up = self._conclusions >= _MOST_CONCLUSIONS or self._busy_seconds >= _BUSY_SECONDS
        if not self._has_answered or is_used_up:
            self.dismiss()
            return
        self.idle_since = time.monotonic()
        self._give_back(self)

    def dismiss(self) -> None:
        """End the process."""
        self._peer.detach()
        super().end()


class Concluders:
    """Those that are idle, and where further ones come from."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._idle: list[Concluder] = []

    def begin(self, request: Request, prepared: Prepared, raw: bytes, measured: Measured) -> Child:
        """Give a child that concludes this run. Raise OSError where none can be had."""
        assert request.job is not None
        if len(raw) > _MOST_BYTES or not self._workshop.is_known(request.job, prepared):
            work = partial(conclude, request, prepared, raw, measured)
            return Child(work, (prepared.datadir / "futures",), _LIMITS)
        self._dismiss(lambda concluder: concluder.revision != self._workshop.revision)
        with contextlib.suppress(IndexError, OSError):
            return self._asked(self._idle.pop(), request, raw, measured)
        return self._asked(Concluder(self._workshop, self._idle.append), request, raw, measured)

    def rest(self) -> None:
        """End those that have been idle for long: call it now and then."""
        now = time.monotonic()
        self._dismiss(lambda concluder: now - concluder.idle_since > _IDLE_SECONDS)

    def close(self) -> None:
        """End all that are idle."""
        self._dismiss(lambda _: True)

    def _dismiss(self, is_due: Callable[[Concluder], bool]) -> None:
        for concluder in [each for each in self._idle if is_due(each)]:
            self._idle.remove(concluder)
            concluder.dismiss()

    def _asked(self, concluder: Concluder, request: Request, raw: bytes, measured: Measured) -> Concluder:
        try:
            concluder.ask(request, raw, measured)
        except OSError:
            concluder.dismiss()
            raise
        return concluder


def _both_ways() -> tuple[int, int]:
    ours, theirs = socket.socketpair()
    return ours.detach(), theirs.detach()


def _serve(workshop: Workshop, channel: Channel) -> None:
    """Conclude what is asked until the forge hangs up."""
    frames = FrameReader({Kind.REQUEST: 2 * MAX_REQUEST_BYTES, Kind.RESULT: _MOST_BYTES + _MEASURED.size})
    request: Request | None = None
    while piece := channel.receive():
        for kind, content in frames.feed(piece):
            if kind is Kind.REQUEST:
                request = load_request(content)
                continue
            assert request is not None
            assert request.job is not None
            (seconds,) = _MEASURED.unpack_from(content)
            prepared = workshop.prepared(request.job)
            conclude(request, prepared, content[_MEASURED.size :], Measured(seconds), channel)
