"""The weight that may be asked of an exchange in a minute, shared by all who ask."""

import asyncio
from collections.abc import Awaitable, Callable

MINUTE_MS = 60_000


class WeightBudget:
    """Counts the weight of each minute of the clock, as Binance does; who finds it used up waits for the next one."""

    def __init__(
        self, per_minute: int, now_ms: Callable[[], int], sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        self.per_minute = per_minute
        self._now_ms = now_ms
        self._sleep = sleep
        self._minute = -1
        self._used = 0

    @property
    def used(self) -> int:
        """The weight used in this minute."""
        self._turn()
        return self._used

    async def take(self, weight: int) -> None:
        """Wait until so much weight may be asked, and count it."""
        while True:
            self._turn()
            if self._used + weight <= self.per_minute or not self._used:
                self._used += weight
                return
            await self._sleep((MINUTE_MS - self._now_ms() % MINUTE_MS) / 1000 + 0.05)

    def hear(self, used: int) -> None:
        """Take the exchange's own count, where it is higher: others may ask from this address too."""
        self._turn()
        self._used = max(self._used, used)

    def _turn(self) -> None:
        minute = self._now_ms() // MINUTE_MS
        if minute != self._minute:
            self._minute, self._used = minute, 0
