"""Where the gateway of a home listens: a small file in its run folder, and the port that is taken again next time."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import orjson

from cfsm.application.errors import TryAgain

ADDRESS_FILE = "market_gateway.json"
HOST = "127.0.0.1"
_TIMEOUT_SECONDS = 5.0


def write_address(folder: Path, port: int) -> None:
    """Say where the gateway listens. Raise OSError as the disk does."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = folder / f"{ADDRESS_FILE}.{os.getpid()}"
    new.write_bytes(orjson.dumps({"port": port, "pid": os.getpid()}))
    new.replace(folder / ADDRESS_FILE)


def last_port(folder: Path) -> int:
    """Give the port of the gateway that ran last, 0 if there was none: bots that still run know no other."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return int(orjson.loads((folder / ADDRESS_FILE).read_bytes())["port"])
    return 0


def port_of(folder: Path) -> int:
    """Give the port of the gateway that runs. Raise TryAgain if none answers."""
    status_of(folder)
    return last_port(folder)


def status_of(folder: Path) -> dict[str, Any]:
    """Ask the gateway how it fares. Raise TryAgain if none answers."""
    port = last_port(folder)
    if port:
        with suppress(httpx.HTTPError, orjson.JSONDecodeError):
            answer = httpx.get(f"http://{HOST}:{port}/status", timeout=_TIMEOUT_SECONDS, trust_env=False)
            said = orjson.loads(answer.content)
            if isinstance(said, dict) and said.get("folder") == str(folder):
                return said
    raise TryAgain("no market gateway answers: it runs with the factory (`cfsm run`), while there are forward tests")
