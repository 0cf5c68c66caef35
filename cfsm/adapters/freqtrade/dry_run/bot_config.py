"""The configuration that a bot is given: dry run, the gateway in place of the exchange, a REST API of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cfsm.adapters.freqtrade.configs import freqtrade_config
from cfsm.domain.evaluation import Conditions

_API_PATHS: Mapping[str, str] = {
    "public": "/api/v3",
    "private": "/api/v3",
    "v1": "/api/v1",
    "fapiPublic": "/fapi/v1",
    "fapiPublicV2": "/fapi/v2",
    "fapiPublicV3": "/fapi/v3",
    "fapiPrivate": "/fapi/v1",
    "fapiPrivateV2": "/fapi/v2",
    "fapiPrivateV3": "/fapi/v3",
    "fapiData": "/futures/data",
    "dapiPublic": "/dapi/v1",
    "dapiPrivate": "/dapi/v1",
    "dapiPrivateV2": "/dapi/v2",
    "dapiData": "/futures/data",
    "eapiPublic": "/eapi/v1",
    "eapiPrivate": "/eapi/v1",
    "sapi": "/sapi/v1",
    "sapiV2": "/sapi/v2",
    "sapiV3": "/sapi/v3",
    "sapiV4": "/sapi/v4",
    "papi": "/papi/v1",
    "papiV2": "/papi/v2",
}
"""Every address that ccxt knows of Binance: one that was left out would lead to the internet."""

_A_YEAR_MINUTES = 525_600
_AN_HOUR_SECONDS = 3_600
HOST = "127.0.0.1"


def through_gateway(exchange_url: str) -> dict[str, Any]:
    """Give what makes Freqtrade ask the gateway, and nobody else, wherever it would ask Binance."""
    urls = {key: f"{exchange_url}{path}" for key, path in _API_PATHS.items()}
    options = {"fetchMarkets": {"types": ["linear"]}, "fetchCurrencies": False, "fetchMargins": False}
    return {
        "ccxt_config": {"enableRateLimit": False, "urls": {"api": urls}, "options": options},
        "ccxt_async_config": {},
        "ccxt_sync_config": {},
        "only_from_ccxt": True,  # else older candles would come from Binance's archive, whoever is upstream
    }


@dataclass(frozen=True)
class Access:
    """How a bot's REST API is reached; the credentials are made for this bot alone, and never shown."""

    port: int
    username: str
    password: str
    jwt_secret_key: str
    ws_token: str

    def __repr__(self) -> str:
        return f"Access(port={self.port})"


def bot_config(
    name: str,
    conditions: Conditions,
    pairs: Sequence[str],
    exchange_url: str,
    access: Access,
    *,
    throttle_seconds: int,
    verbose: bool = False,
) -> dict[str, Any]:
    """Give a bot's configuration, as what JSON would hold.

    Money, pairs and trades are those of the backtest; the orders are market orders at the other side of the book,
    without a key and in dry run. The strategy's own timeframe holds. ``verbose`` lets it say more in its log.
    """
    config = freqtrade_config(conditions, pairs)
    for only_for_backtests in ("timerange", "export", "timeframe_detail"):
        config.pop(only_for_backtests, None)
    return config | {
        "bot_name": name,
        "initial_state": "running",
        "fiat_display_currency": "",
        "cancel_open_orders_on_exit": False,
        "unfilledtimeout": {"entry": 10, "exit": 10, "exit_timeout_count": 0, "unit": "minutes"},
        "entry_pricing": {
            **config["entry_pricing"],
            "check_depth_of_market": {"enabled": False, "bids_to_ask_delta": 1},
        },
        "order_types": {"entry": "market", "exit": "market", "stoploss": "market", "stoploss_on_exchange": False},
        "exchange": {
            **config["exchange"],
            "key": "",
            "secret": "",
            "enable_ws": False,
            "markets_refresh_interval": _A_YEAR_MINUTES,
            **through_gateway(exchange_url),
        },
        "api_server": {
            "enabled": True,
            "listen_ip_address": HOST,
            "listen_port": access.port,
            "verbosity": "info" if verbose else "error",
            "enable_openapi": False,
            "jwt_secret_key": access.jwt_secret_key,
            "ws_token": access.ws_token,
            "CORS_origins": [],
            "username": access.username,
            "password": access.password,
        },
        "internals": {
            "process_throttle_secs": throttle_seconds,
            "heartbeat_interval": _AN_HOUR_SECONDS,
            "sd_notify": False,
        },
    }
