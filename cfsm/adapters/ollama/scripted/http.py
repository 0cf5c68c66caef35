"""A small HTTP server on loopback: asyncio streams, keep-alive, JSON bodies; nothing more."""

import asyncio
import contextlib
import json
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

Body = dict[str, Any]
Handler = Callable[[StreamReader, StreamWriter, str, Body], Awaitable[bool]]
"""Answers on the writer and gives whether the connection may be used again."""

REASONS: Mapping[int, str] = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class LoopbackServer:
    """Serves ``routes``: method and path to a handler. ``url`` is known once it has started."""

    def __init__(self) -> None:
        self.routes: dict[tuple[str, str], Handler] = {}
        self.url = ""
        self._connections: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None

    async def start_at(self, path: str | Path) -> Self:
        """Serve on a unix socket."""
        self._server = await asyncio.start_unix_server(self._connection, path)
        return self

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> Self:
        """Serve on a port of loopback; 0 takes any that is free."""
        self._server = await asyncio.start_server(self._connection, host, port)
        self.url = f"http://{host}:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def stop(self) -> None:
        """End every connection and serve no more."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @contextlib.contextmanager
    def run_in_thread(self, port: int = 0) -> Iterator[Self]:
        """Serve from a thread of its own while the block lasts."""
        ready = threading.Event()
        ends: list[Callable[[], object]] = []
        failed: list[OSError] = []

        async def serve() -> None:
            over, loop = asyncio.Event(), asyncio.get_running_loop()
            ends.append(lambda: loop.call_soon_threadsafe(over.set))
            try:
                await self.start(port)
            except OSError as error:
                failed.append(error)
                return
            finally:
                ready.set()
            await over.wait()
            await self.stop()

        thread = threading.Thread(target=lambda: asyncio.run(serve()))
        thread.start()
        ready.wait()
        try:
            if failed:
                raise failed[0]
            yield self
        finally:
            if not failed:
                ends[0]()
            thread.join()

    async def _connection(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Serve the requests of one connection, one after the other; being cancelled ends it quietly."""
        task = asyncio.current_task()
        assert task is not None, "a connection is served by a task of its own"
        self._connections.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._request(reader, writer):
                    pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _request(self, reader: StreamReader, writer: StreamWriter) -> bool:
        line = await reader.readline()
        if not line.strip():
            return False
        method, path, _ = line.decode("latin-1").split(" ", 2)
        headers: dict[str, str] = {}
        while (line := await reader.readline()).strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        path = path.split("?")[0]
        handler = self.routes.get((method, path))
        if handler is None:
            return await self.answer(writer, 404, "404 page not found")
        if method == "POST" and not raw:
            return await self.answer(writer, 400, {"error": "missing request body"})
        try:
            body = json.loads(raw) if raw else {}
        except ValueError as error:
            return await self.answer(writer, 400, {"error": str(error)})
        return await handler(reader, writer, path, body)

    async def answer(self, writer: StreamWriter, status: int, value: object) -> bool:
        """Send a whole response, as JSON unless the value is text; the connection may be used again."""
        body = (value if isinstance(value, str) else json.dumps(value)).encode()
        writer.write(
            f"HTTP/1.1 {status} {REASONS.get(status, 'Error')}\r\n"
            f"Content-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        await writer.drain()
        return True

    @staticmethod
    async def begin_stream(writer: StreamWriter, content_type: str) -> None:
        """Send the head of a chunked response."""
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        await writer.drain()

    @staticmethod
    async def chunk(writer: StreamWriter, content: bytes) -> None:
        """Send one chunk; an empty one ends the stream."""
        writer.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        await writer.drain()
