"""What goes over the forge's socket and over the pipes of its children: frames of a kind, a length and bytes.

Requests and answers are the port's own dataclasses as JSON; whoever reads them checks them against these classes.
"""

import struct
from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass
from enum import Enum, StrEnum
from functools import cache
from typing import Any

import orjson
from pydantic import TypeAdapter

from cfsm.domain.evaluation import Finding, Job, Stage
from cfsm.domain.hyperopt import Candidate

HEADER = struct.Struct("!cI")
MAX_REQUEST_BYTES = 4 * 1024 * 1024
MAX_PROGRESS_BYTES = 4096


class Kind(bytes, Enum):
    """What a frame holds."""

    REQUEST = b"Q"
    PROGRESS = b"P"
    LOG = b"L"
    RESULT = b"R"
    ERROR = b"E"


class Ask(StrEnum):
    """What is asked of the forge."""

    VALIDATE = "validate"
    SECOND_OPINION = "second_opinion"
    BACKTEST = "backtest"
    SPACES = "spaces"
    EPOCHS = "epochs"
    STATUS = "status"


@dataclass(frozen=True)
class Request:
    """One request; ``stock`` asks for Freqtrade's own loop, ``urgent`` goes before the queue.

    ``wants_log``: Freqtrade's lines go to who asks, in place of the forge's log.
    ``spaces`` are searched by hyperopt, ``candidates`` are the values to be tried.
    """

    ask: Ask
    job: Job | None = None
    stock: bool = False
    urgent: bool = False
    wants_log: bool = False
    spaces: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True)
class Progress:
    """How far a run is: the stage, percent of the whole run, words."""

    stage: Stage
    percent: float
    words: str = ""


@dataclass(frozen=True)
class Said:
    """A line of Freqtrade's log: its level as a number, the logger's name, the text."""

    level: int
    logger: str
    text: str


class Reaction(StrEnum):
    """Which of the port's errors an error frame stands for."""

    TRY_AGAIN = "try_again"
    MISCONFIGURED = "misconfigured"
    BROKEN = "broken"


@dataclass(frozen=True)
class Failure:
    """Why there is no result. ``findings`` are given for a broken strategy."""

    reaction: Reaction
    message: str
    findings: tuple[Finding, ...] = ()


class BadFrame(Exception):
    """The other side does not keep to the protocol."""


@cache
def adapter(kind: type) -> TypeAdapter[Any]:
    """Give what reads and writes this dataclass as JSON."""
    return TypeAdapter(kind)


def dump_request(request: Request) -> bytes:
    """Give a request as JSON; the source, which may hold any bytes, as base64."""
    plain = asdict(request)
    if request.job is not None:
        plain["job"]["source"] = b64encode(request.job.source).decode("ascii")
    return orjson.dumps(plain)


def load_request(content: bytes) -> Request:
    """Read a request. Raise BadFrame for what is none."""
    try:
        plain = orjson.loads(content)
        if plain.get("job") is not None:
            plain["job"]["source"] = b64decode(plain["job"]["source"], validate=True)
        request: Request = adapter(Request).validate_python(plain)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise BadFrame(f"not a request: {error}") from error
    return request


def encode(kind: Kind, content: bytes) -> bytes:
    """Give a frame."""
    return HEADER.pack(kind.value, len(content)) + content


class FrameReader:
    """Puts frames together from the pieces that arrive. Raise BadFrame for one that is unknown or too long."""

    def __init__(self, limits: dict[Kind, int]) -> None:
        self._limits = limits
        self._buffer = bytearray()

    def feed(self, piece: bytes) -> list[tuple[Kind, bytes]]:
        """Take a piece and give the frames that are complete with it."""
        self._buffer += piece
        frames = []
        while len(self._buffer) >= HEADER.size:
            letter, length = HEADER.unpack_from(self._buffer)
            kind = self._known(letter, length)
            end = HEADER.size + length
            if len(self._buffer) < end:
                break
            frames.append((kind, bytes(self._buffer[HEADER.size : end])))
            del self._buffer[:end]
        return frames

    def _known(self, letter: bytes, length: int) -> Kind:
        try:
            kind = Kind(letter)
        except ValueError as error:
            raise BadFrame(f"unknown kind of frame {letter!r}") from error
        if kind not in self._limits:
            raise BadFrame(f"a frame of kind {kind.name} is not expected here")
        if length > self._limits[kind]:
            raise BadFrame(f"a frame of {length} bytes, {self._limits[kind]} are the most")
        return kind
