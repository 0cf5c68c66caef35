"""A bot's log: of bounded size, and read for what Freqtrade passes over in silence."""

from contextlib import suppress
from pathlib import Path

MAX_BYTES = 4 * 1024 * 1024
_ERROR_OF_STRATEGY = b"strategy_wrapper - ERROR"
_LAST_BYTES = 4_096
_MOST_WORDS = 300


class BotLog:
    """The file that the bot's process writes to, and the older half of it beside it as ``.1``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_to = 0
        self._errors = 0

    def strategy_errors(self) -> int:
        """Count how often the strategy raised; a bot with such a strategy goes on and never trades."""
        with suppress(OSError), self._path.open("rb") as log:
            log.seek(self._read_to)
            new = log.read(MAX_BYTES)
            whole = new[: new.rfind(b"\n") + 1]
            self._errors += whole.count(_ERROR_OF_STRATEGY)
            self._read_to += len(whole)
        return self._errors

    def shorten(self) -> None:
        """Move a log that has grown too large aside; its writer appends, and goes on at the beginning."""
        with suppress(OSError):
            if self._path.stat().st_size > MAX_BYTES:
                self.strategy_errors()
                self._path.with_name(f"{self._path.name}.1").write_bytes(self._path.read_bytes()[-MAX_BYTES:])
                with self._path.open("r+b") as log:
                    log.truncate(0)
                self._read_to = 0

    def last_line(self) -> str:
        """Give the last line that says something, for whoever asks why the bot ended."""
        with suppress(OSError), self._path.open("rb") as log:
            log.seek(max(0, self._path.stat().st_size - _LAST_BYTES))
            lines = log.read().decode("utf-8", "replace").splitlines()
            return next((line.strip()[:_MOST_WORDS] for line in reversed(lines) if line.strip()), "")
        return ""
