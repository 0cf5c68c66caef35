"""What lies in a bot's folder, and how the bot's process and whoever runs it tell each other things there."""

import os
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

BOT_FOLDER = "bot"
"""The bot's own part of a forward test's folder; beside it lies its strategy."""

CONFIG_FILE = "config.json"
INSTRUCTIONS_FILE = "instructions.json"
CLOCK_FILE = "clock"
PROGRESS_FILE = "progress.json"
DATABASE_FILE = "trades.sqlite"
LOG_FILE = "bot.log"
LOCK_FILE = "lock"
STRATEGY_FOLDER = "strategy"
USER_FOLDER = "user_data"

MAX_PROGRESS_BYTES = 16_384
"""What stands in the bot's folder was perhaps written by a stranger's code: no more of it is read."""


@dataclass(frozen=True)
class Stepping:
    """A replay's clock: from when to when (milliseconds), and how finely time passes.

    ``step_ms`` is the time from one look of the bot to the next while a trade is open; with none open it looks once
    per candle. ``spread_bps`` and ``seed`` are what the replay declares.
    """

    begin_ms: int
    end_ms: int
    step_ms: int
    spread_bps: float
    seed: int


@dataclass(frozen=True)
class Instructions:
    """What a bot's process is to do. ``stepping`` is None where the bot runs by the real clock."""

    strategy_name: str
    exchange_url: str
    gateway_port: int
    api_port: int
    memory_mb: int
    is_verbose: bool = False
    stepping: Stepping | None = None

    def write(self, folder: Path) -> None:
        """Leave them in the bot's folder."""
        (folder / INSTRUCTIONS_FILE).write_bytes(orjson.dumps(asdict(self)))

    @classmethod
    def read(cls, folder: Path) -> "Instructions":
        """Take them from the bot's folder."""
        facts = orjson.loads((folder / INSTRUCTIONS_FILE).read_bytes())
        stepping = facts.pop("stepping")
        return cls(**facts, stepping=stepping and Stepping(**stepping))


class ClockFile:
    """Where a replay's time is: eight bytes that survive kill -9 of the bot, so that it goes on from there."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / CLOCK_FILE

    def read(self) -> int | None:
        """Give the time in nanoseconds; None before the first."""
        try:
            return int(struct.unpack("=q", self._path.read_bytes())[0])
        except (FileNotFoundError, struct.error):
            return None

    def open(self) -> int:
        """Give a descriptor to write to."""
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @staticmethod
    def write(descriptor: int, now_ns: int) -> None:
        """Write the time in one call."""
        os.pwrite(descriptor, struct.pack("=q", now_ns), 0)


def read_progress(folder: Path) -> Mapping[str, Any]:
    """Give what the bot last said of its progress; nothing where it said nothing that makes sense."""
    try:
        with (folder / PROGRESS_FILE).open("rb") as opened:
            said = orjson.loads(opened.read(MAX_PROGRESS_BYTES))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def write_progress(folder: Path, said: Mapping[str, Any]) -> None:
    """Say how far the bot is; a reader never sees half of it."""
    new = folder / f"{PROGRESS_FILE}.new"
    new.write_bytes(orjson.dumps(said))
    new.replace(folder / PROGRESS_FILE)
