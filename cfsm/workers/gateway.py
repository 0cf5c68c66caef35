"""The market gateway: served from a thread, watched from here; what happens upstream becomes events."""

import time
from typing import Any, ClassVar

from cfsm.application.market import MarketGateway, record_change
from cfsm.workers.base import Equipment, Worker

CHECK_SECONDS = 5.0


class GatewayWorker(Worker):
    """Runs the gateway. One whose loop hangs ends this process, which is then started again."""

    name: ClassVar[str] = "gateway"

    def __init__(self, equipment: Equipment, gateway: MarketGateway) -> None:
        super().__init__(equipment)
        self._gateway = gateway
        self._checked_at = float("-inf")

    def run(self) -> None:
        """Serve until told to stop. Raise Misconfigured."""
        port = self._gateway.start()
        self.log.info("listens", port=port)
        try:
            super().run()
        finally:
            self._gateway.stop()

    def step(self) -> bool:
        """See that the gateway answers, and record what happened upstream."""
        for change in self._gateway.changes():
            record_change(self.factory, change)
            self.log.warning("upstream", EVENT=f"breaker {change.kind}", address=change.address, why=change.why)
        if time.monotonic() - self._checked_at >= CHECK_SECONDS:
            self.say(_words(self._gateway.status()))
            self._checked_at = time.monotonic()
        return False


def _words(status: dict[str, Any]) -> str:
    live = status.get("live") or {}
    saved = f", {live['saved_percent']:.0f} % of live ones saved" if live.get("requests") else ""
    return f"{status['replays']} replays{saved}"
