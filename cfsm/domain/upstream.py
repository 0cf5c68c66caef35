"""The exchange as the market gateway finds it: when its breaker opened and closed, and when it was banned."""

from uuid import UUID

from cfsm.domain.aggregate import BeginningEvent, Recorded, RecordedEvent, Stamp
from cfsm.domain.naming import id_of


class Upstream(Recorded):
    """One exchange's address, from the first time that it failed."""

    TOPIC = "Upstream"

    class Watched(BeginningEvent):
        """Something happened at this address for the first time."""

        TOPIC = "Upstream.Watched"
        address: str

    class BreakerOpened(RecordedEvent):
        """It failed too often: nothing is asked for a while."""

        TOPIC = "Upstream.BreakerOpened"
        why: str
        seconds: float

        def apply(self, aggregate: "Upstream") -> None:
            aggregate.state = "open"

    class BreakerHalfOpened(RecordedEvent):
        """One request is let through, to see."""

        TOPIC = "Upstream.BreakerHalfOpened"

        def apply(self, aggregate: "Upstream") -> None:
            aggregate.state = "half_open"

    class BreakerClosed(RecordedEvent):
        """It answers again."""

        TOPIC = "Upstream.BreakerClosed"

        def apply(self, aggregate: "Upstream") -> None:
            aggregate.state = "closed"

    class Banned(RecordedEvent):
        """It refuses this address for a while (429: slow down; 418: banned)."""

        TOPIC = "Upstream.Banned"
        status: int
        seconds: float

        def apply(self, aggregate: "Upstream") -> None:
            aggregate.state = "banned"

    def __init__(self, address: str) -> None:
        self.address = address
        self.state = "closed"

    @staticmethod
    def id_of(address: str) -> UUID:
        """Give the id of an exchange's address."""
        return id_of("upstream", address)

    @classmethod
    def watch(cls, address: str, stamp: Stamp) -> "Upstream":
        """Begin with an address."""
        return cls._begin(cls.Watched, cls.id_of(address), stamp, address=address)

    def open_breaker(self, why: str, seconds: float, stamp: Stamp) -> None:
        """Keep that nothing is asked for so long."""
        self._record(self.BreakerOpened, stamp, why=why, seconds=round(seconds, 1))

    def half_open_breaker(self, stamp: Stamp) -> None:
        """Keep that it is tried again."""
        self._record(self.BreakerHalfOpened, stamp)

    def close_breaker(self, stamp: Stamp) -> None:
        """Keep that it answers again."""
        self._record(self.BreakerClosed, stamp)

    def ban(self, status: int, seconds: float, stamp: Stamp) -> None:
        """Keep that it refuses."""
        self._record(self.Banned, stamp, status=status, seconds=round(seconds, 1))
