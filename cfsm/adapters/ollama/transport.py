"""An HTTP transport that ends a response which grows without bound."""

from collections.abc import AsyncIterator

import httpx


class TooManyBytes(Exception):
    """The server sent more bytes in one response than any answer needs."""


class BoundedTransport(httpx.AsyncBaseTransport):
    """Passes requests on; a response of more than ``max_bytes`` raises TooManyBytes while it is read.

    Line readers keep an unfinished line in memory: without this bound, a server that sends no line end would
    fill it. ``uds`` reaches the server through a unix socket instead of TCP.
    """

    def __init__(self, max_bytes: int, uds: str | None = None) -> None:
        self._inner = httpx.AsyncHTTPTransport(uds=uds)
        self._max_bytes = max_bytes

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the request on and put the bound around the response's bytes."""
        response = await self._inner.handle_async_request(request)
        if not isinstance(response.stream, httpx.AsyncByteStream):
            raise TypeError("httpx gave a response that cannot be read asynchronously")
        response.stream = _BoundedStream(response.stream, self._max_bytes)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class _BoundedStream(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, max_bytes: int) -> None:
        self._inner = inner
        self._left = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._inner:
            self._left -= len(piece)
            if self._left < 0:
                raise TooManyBytes
            yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()
