"""The port to the market gateway, as its worker sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


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
