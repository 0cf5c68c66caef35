"""The port to the market gateway, and what happens between it and the exchange."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from cfsm.application.factory import Factory
from cfsm.domain.aggregate import Recorded
from cfsm.domain.upstream import Upstream


class ChangeKind(StrEnum):
    """What became of the breaker before an exchange, or that the exchange banned this address."""

    OPENED = "opened"
    HALF_OPENED = "half_opened"
    CLOSED = "closed"
    BANNED = "banned"


@dataclass(frozen=True)
class UpstreamChange:
    """Something that happened to the connection with an exchange; ``seconds`` is how long it will be so, if known."""

    address: str
    kind: ChangeKind
    why: str = ""
    seconds: float = 0.0
    status: int = 0


class MarketGateway(Protocol):
    """The gateway that this process runs."""

    def start(self) -> int:
        """Listen; give the port. Raise Misconfigured."""

    def status(self) -> dict[str, Any]:
        """Tell how it fares."""

    def changes(self) -> Sequence[UpstreamChange]:
        """Give what happened upstream since the last time."""

    def stop(self) -> None:
        """Hang up."""


def record_change(factory: Factory, change: UpstreamChange) -> None:
    """Make an event of what happened to the connection with an exchange."""

    def decide() -> Iterable[Recorded]:
        stamp = factory.stamp()
        upstream = factory.find(Upstream, Upstream.id_of(change.address))
        if upstream is None:
            upstream = Upstream.watch(change.address, stamp)
        match change.kind:
            case ChangeKind.OPENED:
                upstream.open_breaker(change.why, change.seconds, stamp)
            case ChangeKind.HALF_OPENED:
                upstream.half_open_breaker(stamp)
            case ChangeKind.CLOSED:
                upstream.close_breaker(stamp)
            case ChangeKind.BANNED:
                upstream.ban(change.status, change.seconds, stamp)
        return [upstream]

    factory.transact(decide)
