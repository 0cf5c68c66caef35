"""An exchange on loopback that answers as a test wants: well, late, with refusals, with garbage, or not at all."""

import asyncio
import json
from collections import Counter

from aiohttp import web


class FakeExchange:
    """Serves market data. ``script`` holds answers to give before good ones: (status, body, headers) or "hang"."""

    def __init__(self):
        self.script = []
        self.calls = Counter()
        self.queries = []
        self.used_weight = 0
        self.delay_seconds = 0.0
        self.price = 100.0
        self._runner = None

    async def start(self):
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def stop(self):
        await self._runner.cleanup()

    async def _answer(self, request):
        path = request.match_info["path"]
        self.calls[path] += 1
        self.queries.append(request.query_string)
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        if self.script:
            step = self.script.pop(0)
            if step == "hang":
                await asyncio.sleep(30)
            if step == "hang up":
                request.transport.abort()
                return web.Response()
            status, body, headers = step
            return web.Response(status=status, body=body, headers=headers, content_type="application/json")
        return web.json_response(
            self._content(path, request.query), headers={"X-MBX-USED-WEIGHT-1M": str(self.used_weight)}
        )

    def _content(self, path, query):
        if path.endswith("klines"):
            return [[0, "1", "1", "1", "1", "1", 1, "1", 1, "1", "1", "0"]] * 3
        if path.endswith("depth"):
            levels = [[f"{self.price - 0.1 - step / 10:.2f}", "5"] for step in range(int(query.get("limit", 20)))]
            asks = [[f"{self.price + 0.1 + step / 10:.2f}", "5"] for step in range(int(query.get("limit", 20)))]
            return {"lastUpdateId": 1, "E": 1, "T": 1, "bids": levels, "asks": asks}
        if path.endswith("bookTicker"):
            best = {"bidPrice": f"{self.price - 0.1:.2f}", "bidQty": "7", "askPrice": f"{self.price + 0.1:.2f}"}
            return [
                {"symbol": name, **best, "askQty": "8", "time": 2, "lastUpdateId": 3} for name in ("BTCUSDT", "ETHUSDT")
            ]
        return {"path": path, "asked": dict(query)}


def refused(status, code=-1003, headers=None):
    return status, json.dumps({"code": code, "msg": "no"}).encode(), headers or {}
