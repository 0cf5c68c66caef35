"""An HTTP endpoint on loopback that answers one request at a time: ``/metrics``, and nothing else."""

import errno
import logging
import select
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from cfsm.application.errors import Misconfigured, TryAgain

LOOPBACK = "127.0.0.1"
CLIENT_SECONDS = 2.0
"""A client that does not say what it wants, or does not take the answer, is left after so long."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

log = logging.getLogger(__name__)


class MetricsEndpoint:
    """Serves what ``render`` gives, on 127.0.0.1. Port 0 is one that is free; ``port`` says which."""

    def __init__(self, port: int, render: Callable[[], bytes]) -> None:
        """Listen. Raise Misconfigured if the port cannot be had."""

        class Handler(_Handler):
            renders = staticmethod(render)

        try:
            self._server = _Server((LOOPBACK, port), Handler)
        except OSError as error:
            taken = "another program has it" if error.errno == errno.EADDRINUSE else error.strerror
            raise Misconfigured(
                f"no metrics can be served at {LOOPBACK}:{port}: {taken}; change monitoring.metrics_port"
            ) from error
        self.port = int(self._server.server_address[1])

    def serve(self, seconds: float) -> bool:
        """Answer a request if one comes within the time; say whether one came."""
        if not select.select([self._server], [], [], seconds)[0]:
            return False
        self._server.handle_request()
        return True

    def close(self) -> None:
        """Listen no more."""
        self._server.server_close()


class _Server(HTTPServer):
    timeout = 0.0
    request_queue_size = 16

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  the client's affair
        log.debug("a client of the metrics went away")


class _Handler(BaseHTTPRequestHandler):
    timeout = CLIENT_SECONDS
    server_version = "cfsm"
    sys_version = ""
    renders: Callable[[], bytes]

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(404, "only /metrics is here")
            return
        try:
            body = self.renders()
        except (TryAgain, Misconfigured) as error:
            self.send_error(503, "not now", str(error))
            return
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  the base class's name
        log.debug(format, *arguments)
