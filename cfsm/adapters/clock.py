"""The machine's clock."""

from datetime import UTC, datetime


class SystemClock:
    """Tells the machine's time, in UTC."""

    def now(self) -> datetime:
        """Give the time now."""
        return datetime.now(UTC)
