"""A request from Prometheus -> how the factory is."""

from typing import ClassVar, Protocol

from cfsm.workers.base import Equipment, Worker


class Endpoint(Protocol):
    """Answers requests for the metrics."""

    port: int

    def serve(self, seconds: float) -> bool:
        """Answer a request if one comes within the time; say whether one came."""

    def close(self) -> None:
        """Listen no more."""


class MetricsWorker(Worker):
    """Serves the metrics. It needs no bell: what it waits for are requests."""

    name: ClassVar[str] = "metrics"

    def __init__(self, equipment: Equipment, endpoint: Endpoint) -> None:
        super().__init__(equipment)
        self._endpoint = endpoint

    def step(self) -> bool:
        """Answer one request, if one comes before the next beat."""
        self.say(f"serves http://127.0.0.1:{self._endpoint.port}/metrics")
        self._endpoint.serve(self._beat_seconds)
        return True
