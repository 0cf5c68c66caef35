"""A bot in a unit of systemd's: ``python -m cfsm.adapters.freqtrade.dry_run.unit FOLDER``, its connection as stdin.

systemd starts this program for each connection to the socket of the dry runner's bots, so that nobody needs the right
to start units. It is told which folder below FOLDER is the bot's, starts the bot as its child, says how it fares
whenever it is asked, and how it ended. Whoever asked for the bot may close the connection, or die: then the bot is
stopped. No line of strangers' code runs in this process.

Each line of the conversation is JSON::

    asker                     unit
    {"bot": "KEY"}            {"pid": 17, "memory_bytes": 1} or {"refused": "why"}
    an empty line             {"pid": 17, "memory_bytes": 240000000} or {"ended": "signal 9"}, and the connection closes
"""

import logging
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from cfsm.adapters.freqtrade.dry_run.folder import BOT_FOLDER
from cfsm.adapters.freqtrade.dry_run.processes import CHILDREN, BotProcess, Child
from cfsm.adapters.logging import configure
from cfsm.adapters.systemd import Notifier
from cfsm.application.errors import Misconfigured
from cfsm.domain.strategy import Strategy

MAX_LINE_BYTES = 4_096
ORDER_SECONDS = 10.0
"""Who connects says at once which bot it wants."""

log = logging.getLogger(__name__)


def main(folder: Path) -> None:
    """Run the bot that the connection asks for, until it ends, the connection is closed or SIGTERM comes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    configure("bot", json=False)
    notifier = Notifier.from_environment(os.environ)
    with socket.socket(fileno=0) as connection, suppress(ConnectionError):
        try:
            key = _key(connection)
            bot = _start(folder, key)
        except (Misconfigured, OSError, ValueError) as error:
            log.warning("refused: %s", error)
            _say(connection, {"refused": str(error)})
            return
        about = _about(key)
        try:
            notifier.ready()
            notifier.status(key)
            log.info("%s runs as pid %d", key, bot.pid, extra=about)
            _attend(connection, bot)
        finally:
            bot.stop()
            log.info("%s has ended: %s", key, bot.state().exit_words, extra=about)


def _key(connection: socket.socket) -> str:
    """Read which bot is wanted. Raise OSError or ValueError where that makes no sense."""
    connection.settimeout(ORDER_SECONDS)
    line = b""
    while not line.endswith(b"\n") and len(line) < MAX_LINE_BYTES:
        piece = connection.recv(1)  # not a byte more: what follows are questions
        if not piece:
            raise ValueError("the connection was closed before it said which bot")
        line += piece
    order = orjson.loads(line)
    key = order.get("bot") if isinstance(order, dict) else None
    if not isinstance(key, str) or key in {"", ".."} or Path(key).name != key:
        raise ValueError("the order names no bot")
    return key


def _about(key: str) -> Mapping[str, str]:
    """Give what the journal's records of a bot are found by; its key is its strategy's name and a number."""
    strategy_id = Strategy.id_of(key.rpartition("-")[0])
    return {"STRATEGY_ID": strategy_id.hex, "CORRELATION_ID": str(strategy_id)}


def _start(folder: Path, key: str) -> Child:
    CHILDREN.require()
    return CHILDREN.start(folder / key / BOT_FOLDER)


def _attend(connection: socket.socket, bot: Child) -> None:
    """Answer questions until the bot has ended, or whoever asks has gone."""
    connection.settimeout(None)
    ends = os.pidfd_open(bot.pid)
    try:
        poll = select.poll()
        poll.register(ends, select.POLLIN)
        poll.register(connection, select.POLLIN)
        _say(connection, _told(bot))
        while ends not in [descriptor for descriptor, _ in poll.poll()]:
            questions = connection.recv(MAX_LINE_BYTES)
            if not questions:
                return
            for _ in range(questions.count(b"\n")):
                _say(connection, _told(bot))
        _say(connection, _told(bot))
    finally:
        os.close(ends)


def _told(bot: BotProcess) -> Mapping[str, Any]:
    state = bot.state()
    if state.exit_words:
        return {"ended": state.exit_words}
    return {"pid": state.pid, "memory_bytes": state.memory_bytes}


def _say(connection: socket.socket, what: Mapping[str, Any]) -> None:
    connection.sendall(orjson.dumps(what) + b"\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
