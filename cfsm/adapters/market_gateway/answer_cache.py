"""Answers that are held for a while: compressed, within a bound of bytes, the longest unasked go first."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import zstandard

from cfsm.adapters.market_gateway.asked import Answered

_SMALL_BYTES = 512
"""Compressing less saves nothing."""

_OVERHEAD_BYTES = 400
"""What an entry takes beside its body, about."""

_LEVEL = 3


@dataclass(slots=True)
class _Held:
    body: bytes
    is_compressed: bool
    headers: Mapping[str, str]
    until_ms: int
    deadline: float
    hits: int = 0


class AnswerCache:
    """Good answers by key. ``entries`` and ``bytes`` say how much is held, ``evicted`` what had to go for room.

    An answer is over when the clock says so, or when so much time has passed: a clock that was set back holds none
    longer.
    """

    def __init__(self, most_bytes: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most_bytes = most_bytes
        self._monotonic = monotonic
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._compress = zstandard.ZstdCompressor(level=_LEVEL).compress
        self._expand = zstandard.ZstdDecompressor().decompress
        self.bytes = 0
        self.evicted = 0

    @property
    def entries(self) -> int:
        """How many answers are held."""
        return len(self._held)

    def get(self, key: str, now_ms: int) -> Answered | None:
        """Give an answer that still holds."""
        held = self._held.get(key)
        if held is None or self._is_over(held, now_ms):
            return None
        held.hits += 1
        self._held.move_to_end(key)
        body = self._expand(held.body) if held.is_compressed else held.body
        return Answered(200, body, held.headers)

    def put(self, key: str, answered: Answered, now_ms: int, until_ms: int) -> None:
        """Hold an answer until then; others go where there is no room. One that is larger than all room is not held."""
        self.drop(key)
        small = len(answered.body) < _SMALL_BYTES
        body = answered.body if small else self._compress(answered.body)
        if len(body) + _OVERHEAD_BYTES > self._most_bytes:
            return
        deadline = self._monotonic() + (until_ms - now_ms) / 1000
        self._held[key] = _Held(body, not small, answered.headers, until_ms, deadline)
        self.bytes += len(body) + _OVERHEAD_BYTES
        while self.bytes > self._most_bytes:
            self.drop(next(iter(self._held)))
            self.evicted += 1

    def drop(self, key: str) -> None:
        """Forget an answer, if it is held."""
        held = self._held.pop(key, None)
        if held is not None:
            self.bytes -= len(held.body) + _OVERHEAD_BYTES

    def hits(self, key: str) -> int:
        """Give how often an answer was asked for since it came."""
        held = self._held.get(key)
        return 0 if held is None else held.hits

    def over(self, now_ms: int) -> list[str]:
        """Give the keys whose answers hold no more."""
        return [key for key, held in self._held.items() if self._is_over(held, now_ms)]

    def _is_over(self, held: _Held, now_ms: int) -> bool:
        return held.until_ms <= now_ms or held.deadline <= self._monotonic()
