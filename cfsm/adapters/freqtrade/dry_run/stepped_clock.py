"""A bot's clock in a replay: it stands still while the bot works, and steps where the bot would wait.

The process's clock (``time.time``, ``datetime.now``, …) belongs to time-machine. Freqtrade is not changed: only its
waiting is, ``Worker._sleep`` and the main thread's ``time.sleep``. The gateway hears of each step before the bot goes
on; while the gateway does not answer, no time passes.
"""

import http.client
import os
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import orjson
import time_machine

from cfsm.adapters.freqtrade.dry_run.folder import ClockFile, Stepping, write_progress

EXIT_GATEWAY_GONE = 75
GIVE_UP_SECONDS = 120.0
"""So long the gateway may be away; then the process ends, and whoever runs it starts it again."""

PROGRESS_SECONDS = 0.5
_RETRY_SECONDS = 0.2
_SHORT_SECONDS = 0.05
"""A shorter sleep waits for another thread, as for the REST API to start: it takes real time."""

_OFFSET_SECONDS = 1.0
"""Freqtrade looks so long after a candle's beginning (``timeframe_offset`` of its worker)."""

_TIMEOUT_SECONDS = 30.0
_MAX_NAP_SECONDS = 3_600.0

real_sleep = time.sleep


class SteppedClock:
    """Steps the time of this process and of its session at the gateway, together."""

    def __init__(self, folder: Path, stepping: Stepping, exchange_url: str) -> None:
        address = urllib.parse.urlsplit(exchange_url)
        self._folder = folder
        self._stepping = stepping
        self._host, self._port, self._path = address.hostname or "", address.port or 0, f"{address.path}/clock"
        self._file = ClockFile(folder)
        self._now_ns = max(self._file.read() or 0, stepping.begin_ms * 1_000_000)
        self._descriptor = self._file.open()
        self._connection: http.client.HTTPConnection | None = None
        self._traveller: Any = None
        self._said_at = float("-inf")
        self.loops = 0
        self.retries = 0

    @property
    def now_seconds(self) -> float:
        """The replay's time, in seconds since 1970."""
        return self._now_ns / 1e9

    def start(self) -> None:
        """Take the process's clock over."""
        self._file.write(self._descriptor, self._now_ns)
        self.tell_gateway()
        self._traveller = time_machine.travel(self.now_seconds, tick=False).start()
        time.sleep = self._sleep  # type: ignore[assignment]  # the stub takes what can be made an integer too
        self._say("running")

    def wait(self, seconds: float, *, is_flat: bool, timeframe_seconds: int) -> None:
        """Let time pass where the bot would sleep: with no trade open up to the next candle."""
        self.loops += 1
        if is_flat:
            upcoming = (self.now_seconds // timeframe_seconds + 1) * timeframe_seconds + _OFFSET_SECONDS
            seconds = upcoming - self.now_seconds
        if self._now_ns + seconds * 1e9 >= self._stepping.end_ms * 1e6:
            self._rest()
        self._now_ns += max(round(seconds * 1_000) * 1_000_000, 1_000_000)  # no step freezes time
        self._file.write(self._descriptor, self._now_ns)
        self.tell_gateway()
        self._traveller.move_to(self.now_seconds)
        if time.monotonic() - self._said_at >= PROGRESS_SECONDS:
            self._say("running")

    def _rest(self) -> NoReturn:
        """Stand still at the end, answering the REST API, until the process is told to end."""
        self._say("done")
        while True:
            real_sleep(_MAX_NAP_SECONDS)

    def _sleep(self, seconds: float) -> None:
        """Stand in for ``time.sleep``: a retry after an error waits for the gateway and takes no time of the replay."""
        if threading.current_thread() is threading.main_thread() and seconds > _SHORT_SECONDS:
            self.retries += 1
            self.tell_gateway()
        else:
            real_sleep(seconds)

    def _say(self, state: str) -> None:
        self._said_at = time.monotonic()
        said = {
            "state": state,
            "now_ms": self._now_ns // 1_000_000,
            "loops": self.loops,
            "retries": self.retries,
            "cpu_seconds": round(time.process_time(), 2),
        }
        write_progress(self._folder, said)

    def tell_gateway(self) -> None:
        """Tell the gateway what time it is; return once it has heard. The process ends where it stays away."""
        body = orjson.dumps(
            {
                "now_ms": self._now_ns // 1_000_000,
                "spread_bps": self._stepping.spread_bps,
                "seed": self._stepping.seed,
            }
        )
        self._until_answered(lambda: self._post(body))

    def _until_answered(self, ask: Callable[[], bool]) -> None:
        begun = time.monotonic()
        while True:
            try:
                if ask():
                    return
                trouble = "it does not know this replay"
            except (OSError, http.client.HTTPException) as error:
                trouble = str(error)
            self._connection = None
            if time.monotonic() - begun > GIVE_UP_SECONDS:
                print(f"the market gateway is gone: {trouble}", file=sys.stderr, flush=True)  # noqa: T201  the bot's log
                os._exit(EXIT_GATEWAY_GONE)
            real_sleep(_RETRY_SECONDS)

    def _post(self, body: bytes) -> bool:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_SECONDS)
        self._connection.request("POST", self._path, body=body, headers={"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        answer.read()
        return answer.status == http.client.OK
