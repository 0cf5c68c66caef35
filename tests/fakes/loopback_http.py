"""A small HTTP server on loopback for fakes: asyncio streams, keep-alive, JSON bodies; nothing more."""

import asyncio
import contextlib
import json
import threading

REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class LoopbackServer:
    """Serves ``routes``: (method, path) to a coroutine taking (reader, writer, path, body).

    A handler answers on the writer and gives whether the connection may be used again.
    """

    def __init__(self):
        self.routes = {}
        self._connections = set()
        self._server = None

    async def start_at(self, path):
        """Serve on a unix socket."""
        self._server = await asyncio.start_unix_server(self._connection, path)
        return self

    async def start(self, port=0, host="127.0.0.1"):
        self._server = await asyncio.start_server(self._connection, host, port)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://{host}:{self.port}"
        return self

    async def stop(self):
        self._server.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @contextlib.contextmanager
    def run_in_thread(self, port=0):
        """Serve from a thread of its own while the block lasts."""
        ready = threading.Event()
        handle = {}

        async def serve():
            handle["over"], handle["loop"] = asyncio.Event(), asyncio.get_running_loop()
            await self.start(port)
            ready.set()
            await handle["over"].wait()
            await self.stop()

        thread = threading.Thread(target=lambda: asyncio.run(serve()))
        thread.start()
        ready.wait()
        try:
            yield self
        finally:
            handle["loop"].call_soon_threadsafe(handle["over"].set)
            thread.join()

    async def _connection(self, reader, writer):
        """Serve the requests of one connection, one after the other; being cancelled ends it quietly."""
        self._connections.add(asyncio.current_task())
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._request(reader, writer):
                    pass
        finally:
            self._connections.discard(asyncio.current_task())
            writer.close()

    async def _request(self, reader, writer):
        line = await reader.readline()
        if not line.strip():
            return False
        method, path, _ = line.decode("latin-1").split(" ", 2)
        headers = {}
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

    async def answer(self, writer, status, value):
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
    async def begin_stream(writer, content_type):
        """Send the head of a chunked response."""
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        await writer.drain()

    @staticmethod
    async def chunk(writer, content):
        """Send one chunk; an empty one ends the stream."""
        writer.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        await writer.drain()
