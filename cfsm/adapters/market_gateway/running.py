"""The gateway in a thread of its own, so that the worker's loop can watch it."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import TimeoutError as TookTooLong
from typing import Any, TypeVar

from cfsm.adapters.market_gateway.server import Gateway, Serving
from cfsm.application.errors import Misconfigured

Given = TypeVar("Given")
START_SECONDS = 30.0
ANSWER_SECONDS = 10.0


class GatewayHangs(Exception):
    """The gateway's loop does not turn any more: the process has to be started again."""


class RunningGateway:
    """A gateway that serves from its own event loop. ``make`` makes it inside of that loop."""

    def __init__(self, make: Callable[[], Gateway]) -> None:
        self._make = make
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="market-gateway", daemon=True)
        self._gateway: Gateway | None = None
        self._serving: Serving | None = None

    def start(self, wanted_port: int, last_port: int = 0) -> int:
        """Listen; give the port: the wanted one, or else the last one if it is free, or else any."""
        self._thread.start()
        return self._do(self._start(wanted_port, last_port), START_SECONDS)

    def status(self) -> dict[str, Any]:
        """Tell how the gateway fares. Raise GatewayHangs."""
        assert self._gateway is not None
        return self._do(self._gateway.status(), ANSWER_SECONDS)

    def stop(self) -> None:
        """Hang up; once is enough."""
        if self._loop.is_closed():
            return
        if self._serving is not None:
            self._do(self._stop(), ANSWER_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()

    def _do(self, work: Coroutine[Any, Any, Given], seconds: float) -> Given:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds)
        except TookTooLong:
            raise GatewayHangs(f"the market gateway does not answer within {seconds:g} s") from None

    async def _start(self, wanted_port: int, last_port: int) -> int:
        self._gateway = self._make()
        await self._gateway.start()
        ports = [wanted_port] if wanted_port else [*filter(None, (last_port,)), 0]
        for port in ports:
            self._serving = Serving(self._gateway)
            try:
                await self._serving.start(port)
            except Misconfigured:
                if port == ports[-1]:
                    raise
            else:
                break
        assert self._serving is not None
        return self._serving.port

    async def _stop(self) -> None:
        assert self._serving is not None
        assert self._gateway is not None
        await self._serving.stop()
        await self._gateway.stop()
