"""A forked child as its parent sees it: a process, a pipe of frames, a deadline."""

import contextlib
import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

from cfsm.adapters.freqtrade.findings import finding
from cfsm.adapters.freqtrade.protocol import MAX_PROGRESS_BYTES, BadFrame, FrameReader, Kind, encode
from cfsm.adapters.sandbox.cage import Cage, enter, spawn
from cfsm.adapters.sandbox.syscalls import keep_memory
from cfsm.domain.evaluation import Finding, Limits

_PIECE_BYTES = 1 << 20
_PROGRESS_ALLOWANCE_BYTES = 4 << 20
_PIPE_BYTES = 1 << 20
_F_SETPIPE_SZ = 1031


class Channel:
    """The child's end of its pipe: called with a kind and bytes it sends a frame."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __call__(self, kind: Kind, content: bytes) -> None:
        """Send a frame."""
        frame = memoryview(encode(kind, content))
        while frame:
            frame = frame[os.write(self._descriptor, frame) :]

    def receive(self) -> bytes:
        """Give the bytes that have come, where the pipe goes both ways; none when the parent has closed it."""
        return os.read(self._descriptor, _PIECE_BYTES)


Work = Callable[[Channel], None]


class Ended(Exception):
    """The child ended, or was ended, without an answer, for the reason of this finding."""

    def __init__(self, found: Finding) -> None:
        super().__init__(found.message)
        self.found = found


class Child:
    """A caged fork at work. The parent reads ``pipe`` when it is readable and calls `look` now and then.

    ``ends`` gives the parent's end of the pipe and the child's.
    """

    def __init__(
        self,
        work: Work,
        readable: tuple[Path, ...],
        limits: Limits,
        ends: Callable[[], tuple[int, int]] = os.pipe,
    ) -> None:
        self._limits = limits
        self._most_bytes = limits.output_mb * 1024 * 1024
        self._frames = FrameReader(
            {
                Kind.PROGRESS: MAX_PROGRESS_BYTES,
                Kind.LOG: MAX_PROGRESS_BYTES,
                Kind.RESULT: self._most_bytes,
                Kind.ERROR: self._most_bytes,
            }
        )
        self._begin()
        self.pipe, theirs = ends()
        cage = Cage(theirs, readable, limits.cpu_seconds, limits.memory_mb)
        self.process_id = spawn(lambda: _caged(cage, work))
        os.close(theirs)
        os.set_blocking(self.pipe, False)

    def _begin(self) -> None:
        self._begun = time.monotonic()
        self._read_bytes = 0

    @property
    def seconds(self) -> float:
        """Tell how long the child has been at work."""
        return time.monotonic() - self._begun

    def read(self) -> list[tuple[Kind, bytes]]:
        """Give the frames that have arrived. Raise Ended where no more will come."""
        try:
            piece = os.read(self.pipe, _PIECE_BYTES)
        except BlockingIOError:
            return []
        if not piece:
            raise Ended(self._why_it_ended())
        self._read_bytes += len(piece)
        if self._read_bytes > self._most_bytes + _PROGRESS_ALLOWANCE_BYTES:
            raise Ended(self._too_much())
        try:
            return self._frames.feed(piece)
        except BadFrame as error:
            found = self._too_much() if "bytes" in str(error) else finding("BROKEN_RESULT", str(error))
            raise Ended(found) from error

    def look(self) -> None:
        """Raise Ended where the child has had its time."""
        if self.seconds > self._limits.wall_seconds:
            raise Ended(finding("LIMIT_TIME", f"The run was ended after {self._limits.wall_seconds:g} seconds"))

    def end(self) -> None:
        """End the process, whether or not it has ended already, and let its pipe go."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process_id, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.process_id, 0)
        os.close(self.pipe)

    def _too_much(self) -> Finding:
        return finding("LIMIT_OUTPUT", f"The run gave back more than {self._limits.output_mb} MB")

    def _why_it_ended(self) -> Finding:
        _, status, used = os.wait4(self.process_id, 0)
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGXCPU or (code == -signal.SIGKILL and _seconds(used) >= self._limits.cpu_seconds):
            return finding("LIMIT_CPU", f"The run was ended after {_seconds(used):.0f} seconds of processor time")
        if code == -signal.SIGKILL:
            return finding("LIMIT_MEMORY", "The system ended the run: memory ran out")
        if code < 0:
            return finding("DIED", f"The run was ended by signal {signal.Signals(-code).name}")
        return finding("DIED", f"The run ended with exit status {code} and gave no result")


def _seconds(used: resource.struct_rusage) -> float:
    return used.ru_utime + used.ru_stime


def _caged(cage: Cage, work: Work) -> None:
    descriptor = enter(cage)
    keep_memory()
    work(Channel(descriptor))
