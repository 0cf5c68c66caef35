"""How sure a counted share is: Wilson's interval (1927), which holds for few trials and for shares of 0 and 1."""

from dataclasses import dataclass
from math import sqrt

Z_95 = 1.959963984540054
"""The standard normal's 97.5 % point: an interval of 95 %."""


@dataclass(frozen=True, slots=True)
class Proportion:
    """So many successes of so many trials, as a share with its interval of 95 %; None where nothing was tried."""

    successes: int
    trials: int

    @property
    def share(self) -> float | None:
        """The share of successes."""
        return self.successes / self.trials if self.trials else None

    @property
    def low(self) -> float | None:
        """Where the interval begins."""
        return self._bound(-1)

    @property
    def high(self) -> float | None:
        """Where the interval ends."""
        return self._bound(1)

    def _bound(self, side: int) -> float | None:
        if not self.trials:
            return None
        n, p, z2 = self.trials, self.successes / self.trials, Z_95**2
        middle = p + z2 / (2 * n)
        spread = Z_95 * sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        return min(1.0, max(0.0, (middle + side * spread) / (1 + z2 / n)))

    def as_mapping(self) -> dict[str, float | int | None]:
        """Give it as plain data."""
        return {
            "successes": self.successes,
            "trials": self.trials,
            "share": self.share,
            "low": self.low,
            "high": self.high,
        }
