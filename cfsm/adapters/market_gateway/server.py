"""The gateway's HTTP server: loopback only, GET only; the replay's clock is stepped by a POST.

``/live/fapi/v1/…`` is the live exchange, ``/replay/DATASET/SESSION/fapi/v1/…`` one session of a replay, and
``/status`` says in JSON how the gateway fares.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

import orjson
from aiohttp import web

from cfsm.adapters.market_gateway.asked import Answered, Asked, Backend, Refusal, weight_of
from cfsm.adapters.market_gateway.latencies import Latencies
from cfsm.adapters.market_gateway.replay import ReplaySession, Terms
from cfsm.adapters.market_gateway.replay_market import ReplayMarket
from cfsm.application.errors import Misconfigured

HOST = "127.0.0.1"
MAX_SESSIONS = 1_000
"""So many time lines are kept; the one not asked for longest goes. Its bot's next step makes it again."""

MAX_CLOCK_BYTES = 1_024
_WEIGHT_HEADER = "X-MBX-USED-WEIGHT-1M"


class Live(Backend, Protocol):
    """The backend that has the internet behind it."""

    async def start(self) -> None:
        """Get ready, within the loop that will ask."""

    async def stop(self) -> None:
        """Hang up."""

    def status(self) -> dict[str, Any]:
        """Tell what was asked upstream and what was saved."""


class Gateway:
    """Serves the backends.

    ``open_market`` gives the market of a dataset's name; raise Misconfigured for an unknown one. ``name`` says whose
    gateway it is, for those who found its port in a file.
    """

    def __init__(self, open_market: Callable[[str], ReplayMarket], live: Live | None = None, *, name: str = "") -> None:
        self._open_market = open_market
        self._live = live
        self._name = name
        self._latencies = Latencies()
        self._markets: dict[str, ReplayMarket] = {}
        self._sessions: dict[tuple[str, str], ReplaySession] = {}
        self.application = web.Application(client_max_size=MAX_CLOCK_BYTES)
        self.application.add_routes(
            [
                web.get("/status", self._ask_status),
                web.get("/live/{path:.*}", self._ask_live),
                web.post("/replay/{dataset}/{session}/clock", self._step),
                web.get("/replay/{dataset}/{session}/clock", self._tell),
                web.get("/replay/{dataset}/{session}/{path:.*}", self._ask_replay),
            ]
        )

    async def start(self) -> None:
        """Get ready, within the loop that serves."""
        if self._live is not None:
            await self._live.start()

    async def stop(self) -> None:
        """Let the internet go."""
        if self._live is not None:
            await self._live.stop()

    async def status(self) -> dict[str, Any]:
        """Tell how the gateway fares."""
        return {
            "folder": self._name,
            "replays": len(self._sessions),
            "datasets": sorted(self._markets),
            "requests": self._latencies.count,
            "latency_ms": self._latencies.percentiles(),
            "live": self._live.status() if self._live is not None else None,
        }

    async def _ask_status(self, _: web.Request) -> web.Response:
        return _response(Answered.of(await self.status()))

    async def _ask_live(self, request: web.Request) -> web.Response:
        if self._live is None:
            return _response(Refusal(503, -1016, "This gateway has no live exchange behind it.").answer())
        begun = time.perf_counter()
        answered = await self._live.answer(_asked(request))
        self._latencies.add(time.perf_counter() - begun)
        return _response(answered)

    async def _ask_replay(self, request: web.Request) -> web.Response:
        key = request.match_info["dataset"], request.match_info["session"]
        session = self._sessions.get(key)
        if session is None:
            return _response(Refusal(503, -1001, "This replay has no clock yet: step it first.").answer())
        begun = time.perf_counter()
        asked = _asked(request)
        answered = await session.answer(asked)
        self._latencies.add(time.perf_counter() - begun)
        return _response(answered, {_WEIGHT_HEADER: str(weight_of(asked))})

    async def _step(self, request: web.Request) -> web.Response:
        """Set a session's clock, and make the session where this gateway does not know it (any more)."""
        name, key = request.match_info["session"], request.match_info["dataset"]
        try:
            said = orjson.loads(await request.read())
            now_ms, terms = int(said["now_ms"]), Terms(float(said.get("spread_bps", 1)), int(said.get("seed", 0)))
        except (ValueError, KeyError, TypeError):
            return _response(Refusal(400, -1100, "The clock takes now_ms, spread_bps and seed.").answer())
        try:
            market = await self._market(key)
        except Misconfigured as error:
            return _response(Refusal(404, -1000, str(error)).answer())
        session = self._sessions.pop((key, name), None)
        if session is None or session.terms != terms:
            session = ReplaySession(market, terms, now_ms)
        session.now_ms = min(now_ms, market.span_ms[1] - 1)
        self._sessions[key, name] = session  # the last one in the table is the last one asked
        if len(self._sessions) > MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        return _response(Answered.of(_told(session)))

    async def _tell(self, request: web.Request) -> web.Response:
        session = self._sessions.get((request.match_info["dataset"], request.match_info["session"]))
        if session is None:
            return _response(Refusal(404, -1000, "There is no such session.").answer())
        return _response(Answered.of({**_told(session), "calls": dict(session.calls)}))

    async def _market(self, name: str) -> ReplayMarket:
        if name not in self._markets:
            loop = asyncio.get_running_loop()
            # Reading a dataset takes seconds; the bots of others go on meanwhile.
            market = await loop.run_in_executor(None, self._opened, name)
            self._markets.setdefault(name, market)
        return self._markets[name]

    def _opened(self, name: str) -> ReplayMarket:
        market = self._open_market(name)
        _ = market.span_ms  # reads the candles that every answer is made from
        return market


def _told(session: ReplaySession) -> dict[str, Any]:
    begin, end = session.market.span_ms
    return {"now_ms": session.now_ms, "begin_ms": begin, "end_ms": end}


def _asked(request: web.Request) -> Asked:
    return Asked(request.match_info["path"], dict(request.query))


def _response(answered: Answered, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=answered.body,
        status=answered.status,
        content_type="application/json",
        headers={**answered.headers, **(headers or {})},
    )


class Serving:
    """A gateway at work on loopback; ``port`` is the one that it got."""

    def __init__(self, gateway: Gateway) -> None:
        self._runner = web.AppRunner(gateway.application, access_log=None, shutdown_timeout=1.0)
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Listen. Raise Misconfigured where the port is taken."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise Misconfigured(f"the market gateway cannot listen at {HOST}:{port}: {error.strerror}") from error
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Hang up and stop listening."""
        with suppress(asyncio.CancelledError):
            await self._runner.cleanup()
