"""The port to the market gateway, as its worker sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class UpstreamChange:
    """Something that happened to the connection with an exchange.

    ``kind`` is opened, half_opened, closed or banned; ``seconds`` how long it will be so, where that is known.
    """

    address: str
    kind: str
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
