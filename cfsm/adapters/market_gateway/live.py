"""The live backend: the exchange asked once for all, through a cache, a budget of weight and a circuit breaker.

Only market data is passed on. A request that is signed or carries a key is refused before anything of it is kept or
written down: bots on paper have none.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson

from cfsm.adapters.market_gateway.answer_cache import AnswerCache
from cfsm.adapters.market_gateway.asked import PUBLIC_PATHS, Answered, Asked, Refusal, weight_of
from cfsm.adapters.market_gateway.books import LEVELS_HELD_MS, Levels, best_of, book_of, levels_of
from cfsm.adapters.market_gateway.breaker import Breaker, BreakerState
from cfsm.adapters.market_gateway.freshness import KLINES, held_until_ms, is_prefetched
from cfsm.adapters.market_gateway.funding import FUNDING, SINCE_OPENING, rates_until_ms, those_since, whole_day_before
from cfsm.adapters.market_gateway.weight_budget import WeightBudget
from cfsm.application.market import ChangeKind, UpstreamChange

TRIES = 3
FIRST_PAUSE_SECONDS = 0.25
CONNECTIONS = 20
MAX_ANSWER_BYTES = 16 * 1024 * 1024
PREFETCH_SECONDS = 0.25
"""So often is looked what is over and was asked for."""

SETTLE_MS = 500
"""So long after its close a candle is fetched: bots ask a second after it."""

_SIGNED = frozenset({"signature", "timestamp", "recvWindow", "listenKey", "apiKey"})
_SLOW_DOWN, _BANNED = 429, 418
_SERVER_ERROR = 500
_DEFAULT_BAN_SECONDS = {_SLOW_DOWN: 30.0, _BANNED: 120.0}
_LONGEST_BAN_SECONDS = 3 * 86_400.0
_WEIGHT_HEADER = "X-MBX-USED-WEIGHT-1M"
_DEPTH, _BOOK_TICKER = "fapi/v1/depth", "fapi/v1/ticker/bookTicker"
_BOOK_LEVELS = 20
_KINDS = {
    BreakerState.OPEN: ChangeKind.OPENED,
    BreakerState.HALF_OPEN: ChangeKind.HALF_OPENED,
    BreakerState.CLOSED: ChangeKind.CLOSED,
}
_UNAVAILABLE = -1016


class UpstreamFailed(Exception):
    """The exchange gave no answer that can be used; the message says what it gave."""


class LiveBackend:
    """Asks ``upstream`` (``https://…``) for everybody. ``now`` gives the time in seconds since 1970.

    What happens to the connection is added to ``changes``. Equal questions that come while one is under way wait for
    its answer.
    """

    def __init__(
        self,
        upstream: str,
        changes: list[UpstreamChange],
        *,
        weight_per_minute: int,
        cache_bytes: int,
        timeout_seconds: float,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._upstream = upstream.rstrip("/")
        self._changes = changes
        self._timeout_seconds = timeout_seconds
        self._now = now
        self._cache = AnswerCache(cache_bytes, monotonic)
        self._budget = WeightBudget(weight_per_minute, self._now_ms)
        self._breaker = Breaker(monotonic, self._breaker_changed)
        self._under_way: dict[str, asyncio.Task[Answered]] = {}
        self._asked: dict[str, Asked] = {}
        self._levels: dict[str, Levels] = {}
        self._counts: Counter[str] = Counter()
        self._by_path: Counter[str] = Counter()
        self._session: aiohttp.ClientSession | None = None
        self._prefetching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Get ready, within the loop that will ask."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            timeout=aiohttp.ClientTimeout(total=self._timeout_seconds),
            auto_decompress=True,
        )
        self._prefetching = asyncio.create_task(self._prefetch())

    async def stop(self) -> None:
        """Hang up."""
        for task in (self._prefetching, *self._under_way.values()):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task
        if self._session is not None:
            await self._session.close()

    async def answer(self, asked: Asked) -> Answered:
        """Answer from the cache, or ask the exchange once for all who want to know."""
        if asked.path not in PUBLIC_PATHS or _SIGNED & asked.parameters.keys():
            return Refusal(403, -2015, "The gateway passes on market data only, without a key.").answer()
        self._counts["requests"] += 1
        try:
            if asked.path == _DEPTH and (asked.text("limit") or "").isdecimal():
                return await self._book(asked)
            if asked.path in SINCE_OPENING:
                return await self._since_opening(asked)
            return await self._held(asked)
        except UpstreamFailed as error:
            self._counts["failed"] += 1
            return Refusal(503, _UNAVAILABLE, f"The exchange is not available: {error}").answer()

    def status(self) -> dict[str, Any]:
        """Tell what was asked upstream and what was saved."""
        asked, upstream = self._counts["requests"], self._counts["upstream"]
        answered = self._counts["hits"] + self._counts["shared"]
        return {
            "upstream": self._upstream,
            "requests": asked,
            "upstream_requests": upstream,
            "upstream_by_path": dict(self._by_path.most_common()),
            "saved_percent": round(max(0.0, 100 * (1 - upstream / asked)), 2) if asked else 0.0,
            "hits": self._counts["hits"],
            "shared": self._counts["shared"],
            "hit_percent": round(100 * answered / asked, 2) if asked else 0.0,
            "prefetched": self._counts["prefetched"],
            "failed": self._counts["failed"],
            "retries": self._counts["retries"],
            "bans": self._counts["bans"],
            "breaker": self._breaker.state.value,
            "weight_used": self._budget.used,
            "weight_limit": self._budget.per_minute,
            "cache_entries": self._cache.entries,
            "cache_bytes": self._cache.bytes,
            "cache_evicted": self._cache.evicted,
        }

    # Books

    async def _book(self, asked: Asked) -> Answered:
        """Give a book: levels that hold for minutes, behind the best prices of now, which are asked for all at once."""
        name, limit = asked.text("symbol") or "", int(asked.required("limit"))
        levels = self._levels.get(name)
        if limit > _BOOK_LEVELS:
            return await self._held(asked)
        if levels is None or levels.until_ms <= self._now_ms():
            whole = await self._held(Asked(_DEPTH, {"symbol": name, "limit": str(_BOOK_LEVELS)}))
            found = levels_of(whole, self._now_ms() + LEVELS_HELD_MS)
            if found is None or whole.status != HTTPStatus.OK:
                return await self._held(asked)
            self._levels[name] = levels = found
        best = best_of(await self._held(Asked(_BOOK_TICKER))).get(name)
        book = book_of(levels, best, limit) if best else None
        return book or await self._held(asked)

    async def _since_opening(self, asked: Asked) -> Answered:
        """Give rates or marks since a trade was opened, out of those of whole days, asked once for all trades."""
        since = whole_day_before(asked)
        if since is None:
            return await self._held(asked)
        found = those_since(await self._held(since), asked)
        return await self._held(asked) if found is None else found

    # Held answers

    async def _held(self, asked: Asked) -> Answered:
        key = f"{asked.path}?{urlencode(sorted(asked.parameters.items()))}"
        found = self._cache.get(key, self._now_ms())
        if found is not None:
            self._counts["hits"] += 1
            return found
        if key in self._under_way:
            self._counts["shared"] += 1
        return await self._ask_once(key, asked)

    async def _ask_once(self, key: str, asked: Asked) -> Answered:
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._fetch(key, asked))
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return await asyncio.shield(task)  # one who hangs up does not take the answer from the others

    async def _fetch(self, key: str, asked: Asked) -> Answered:
        answered = await self._ask(asked)
        if answered.status == HTTPStatus.OK:
            now = self._now_ms()
            until = rates_until_ms(answered, now) if asked.path == FUNDING else held_until_ms(asked, now)
            if until > now:
                self._cache.put(key, answered, now, until)
                if is_prefetched(asked):
                    self._asked[key] = asked
        return answered

    async def _prefetch(self) -> None:
        """Fetch again what is over and was asked for, before the bots ask: candles at their close."""
        while True:
            await asyncio.sleep(PREFETCH_SECONDS)
            for key in self._cache.over(self._now_ms() - SETTLE_MS):
                asked, hits = self._asked.pop(key, None), self._cache.hits(key)
                self._cache.drop(key)
                if asked is not None and hits and self._breaker.state is BreakerState.CLOSED:
                    self._counts["prefetched"] += 1
                    with suppress(UpstreamFailed):
                        await self._ask_once(key, asked)

    # The exchange

    async def _ask(self, asked: Asked) -> Answered:
        """Ask the exchange, up to three times; a refusal of ours to ask more, or of its own, is not tried again."""
        pause = FIRST_PAUSE_SECONDS
        for tries in range(1, TRIES + 1):
            if not self._breaker.lets_through():
                raise UpstreamFailed(f"it failed or refused; asked again in {self._breaker.wait_seconds:.0f} s")
            try:
                return await self._ask_now(asked)
            except UpstreamFailed as error:
                self._breaker.failed(str(error))
                if tries == TRIES or not self._breaker.state == BreakerState.CLOSED:
                    raise
            self._counts["retries"] += 1
            await asyncio.sleep(pause)
            pause *= 2
        raise AssertionError("unreachable")

    async def _ask_now(self, asked: Asked) -> Answered:
        assert self._session is not None, "started before it is asked"
        await self._budget.take(weight_of(asked))
        self._counts["upstream"] += 1
        self._by_path[asked.path] += 1
        try:
            async with self._session.get(
                f"{self._upstream}/{asked.path}", params=asked.parameters, allow_redirects=False
            ) as response:
                body = await _bounded(response)
                return self._judged(asked.path, response.status, body, response.headers)
        except TimeoutError:
            raise UpstreamFailed(f"no answer within {self._timeout_seconds:g} s") from None
        except aiohttp.ClientError as error:
            raise UpstreamFailed(f"{type(error).__name__}: {error}") from None

    def _judged(self, path: str, status: int, body: bytes, headers: Mapping[str, str]) -> Answered:
        used = headers.get(_WEIGHT_HEADER, "")
        if used.isascii() and used.isdecimal():
            self._budget.hear(int(used))
        if status in _DEFAULT_BAN_SECONDS:
            self._banned(status, headers.get("Retry-After", ""))
            raise UpstreamFailed(f"it answers {status}: too many requests")
        if status >= _SERVER_ERROR:
            raise UpstreamFailed(f"it answers {status}")
        if not _is_of_the_kind(path, status, body):
            raise UpstreamFailed(f"its answer ({status}) is not what was asked for")
        self._breaker.succeeded()
        kept = {_WEIGHT_HEADER: used} if used else {}
        return Answered(status, body, kept)

    def _banned(self, status: int, retry_after: str) -> None:
        said = float(retry_after) if retry_after.isascii() and retry_after.isdecimal() else 0.0
        seconds = min(said or _DEFAULT_BAN_SECONDS[status], _LONGEST_BAN_SECONDS)
        self._breaker.ban(seconds)
        self._counts["bans"] += 1
        self._changes.append(UpstreamChange(self._upstream, ChangeKind.BANNED, seconds=seconds, status=status))

    def _breaker_changed(self, state: BreakerState, why: str, seconds: float) -> None:
        self._changes.append(UpstreamChange(self._upstream, _KINDS[state], why, seconds))

    def _now_ms(self) -> int:
        return int(self._now() * 1000)


def _is_of_the_kind(path: str, status: int, body: bytes) -> bool:
    """Say whether an answer is JSON, and a list where candles or rates are: it would be given to all, and held."""
    try:
        content = orjson.loads(body)
    except ValueError:
        return False
    if status == HTTPStatus.OK and (path in KLINES or path == FUNDING):
        return isinstance(content, list)
    return isinstance(content, dict | list)


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_chunked(65_536):
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            raise UpstreamFailed(f"its answer is larger than {MAX_ANSWER_BYTES >> 20} MB")
    return bytes(body)
