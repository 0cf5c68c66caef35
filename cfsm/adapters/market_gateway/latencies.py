"""How long answers took: the latest of them, and their percentiles."""

from collections import deque

KEPT = 5_000
_PERCENTS = (50, 99)


class Latencies:
    """The times of the latest answers, in seconds; ``count`` is of all."""

    def __init__(self) -> None:
        self.count = 0
        self._latest: deque[float] = deque(maxlen=KEPT)

    def add(self, seconds: float) -> None:
        """Take in one answer's time."""
        self.count += 1
        self._latest.append(seconds)

    def percentiles(self) -> dict[str, float]:
        """Give the percentiles in milliseconds, as ``p50`` and ``p99``; nothing before the first answer."""
        ordered = sorted(self._latest)
        if not ordered:
            return {}
        return {f"p{each}": round(1000 * ordered[(len(ordered) - 1) * each // 100], 3) for each in _PERCENTS}
