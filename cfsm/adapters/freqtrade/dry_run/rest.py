"""A bot's REST API as its watcher sees it: read-only, on loopback, and never believed beyond what makes sense."""

from collections.abc import Mapping
from typing import Any

import httpx
import orjson

from cfsm.adapters.freqtrade.dry_run.bot_config import HOST, Access
from cfsm.application.bots import BotsTellNonsense
from cfsm.application.errors import TryAgain
from cfsm.domain.forward_account import OpenTrade
from cfsm.domain.trades import BadTrade, Trade, trades_from

PAGE = 500
MAX_TRADES = 100_000
MAX_ANSWER_BYTES = 32 * 1024 * 1024
TIMEOUT_SECONDS = 20.0


class BotRest:
    """Asks one bot. Strangers' code runs in the same process: every answer is bounded and checked."""

    def __init__(self, access: Access) -> None:
        self._client = httpx.Client(
            base_url=f"http://{HOST}:{access.port}/api/v1",
            auth=(access.username, access.password),
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
        )

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def is_there(self) -> bool:
        """Say whether the bot answers."""
        try:
            return bool(self._ask("ping") == {"status": "pong"})
        except (TryAgain, BotsTellNonsense):
            return False

    def closed(self) -> tuple[Trade, ...]:
        """Give the trades that are closed. Raise TryAgain, or BotsTellNonsense for what no trade can be."""
        found: list[Mapping[str, Any]] = []
        while True:
            page = self._ask("trades", limit=PAGE, offset=len(found), order_by_id="true")
            trades = page.get("trades") if isinstance(page, dict) else None
            if not isinstance(trades, list) or not all(isinstance(each, dict) for each in trades):
                raise BotsTellNonsense("the list of its trades is none")
            found += trades
            if len(found) > MAX_TRADES:
                raise BotsTellNonsense(f"it says it made more than {MAX_TRADES} trades")
            if len(trades) < PAGE:
                break
        try:
            return trades_from(each for each in found if each.get("is_open") is not True)
        except BadTrade as error:
            raise BotsTellNonsense(str(error)) from error

    def open(self) -> tuple[OpenTrade, ...]:
        """Give the trades that are open now. Raise as ``closed`` does."""
        said = self._ask("status")
        if not isinstance(said, list):
            raise BotsTellNonsense("the list of its open trades is none")
        try:
            return tuple(_open_trade(each) for each in said)
        except (KeyError, TypeError, ValueError) as error:
            raise BotsTellNonsense(f"an open trade is none: {type(error).__name__}") from error

    def _ask(self, what: str, **parameters: Any) -> Any:
        try:
            with self._client.stream("GET", f"/{what}", params=parameters) as answer:
                body = b""
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > MAX_ANSWER_BYTES:
                        raise BotsTellNonsense(f"its answer to {what} does not end")
                if answer.status_code != httpx.codes.OK:
                    raise TryAgain(f"the bot answers {what} with status {answer.status_code}")
        except httpx.HTTPError as error:
            raise TryAgain(f"the bot does not answer: {str(error) or type(error).__name__}") from error
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise BotsTellNonsense(f"its answer to {what} is no JSON") from error


def _open_trade(said: Mapping[str, Any]) -> OpenTrade:
    numbers = {name: float(said[name] or 0.0) for name in ("open_rate", "stake_amount", "profit_abs", "profit_ratio")}
    if not all(-1e18 < value < 1e18 for value in numbers.values()):  # noqa: PLR2004  as a trade's bounds; no NaN either
        raise ValueError("beyond reason")
    return OpenTrade(str(said["pair"])[:64], bool(said["is_short"]), int(said["open_timestamp"]), **numbers)
