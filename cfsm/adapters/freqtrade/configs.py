"""Freqtrade's configuration for a run, made from the conditions of an evaluation."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from cfsm.domain.evaluation import Conditions

_PRICING = {"price_side": "other", "use_order_book": True, "order_book_top": 1}


def freqtrade_config(conditions: Conditions, pairs: Sequence[str]) -> dict[str, Any]:
    """Give Freqtrade's configuration file for these conditions, as what JSON would hold; no folders are in it.

    A strategy's own timeframe holds where the conditions name none.
    """
    config: dict[str, Any] = {
        "dry_run": True,
        "trading_mode": "futures",
        "margin_mode": "isolated",
        "stake_currency": conditions.stake_currency,
        "stake_amount": conditions.stake_amount,
        "dry_run_wallet": conditions.dry_run_wallet,
        "tradable_balance_ratio": conditions.tradable_balance_ratio,
        "max_open_trades": conditions.max_open_trades,
        "exchange": {"name": "binance", "pair_whitelist": list(pairs), "pair_blacklist": []},
        "pairlists": [{"method": "StaticPairList"}],
        # "other" is accepted with limit and with market orders; a backtest asks for no price of the book.
        "entry_pricing": dict(_PRICING),
        "exit_pricing": dict(_PRICING),
        "enable_protections": conditions.enable_protections,
        "dataformat_ohlcv": "feather",
        "timerange": conditions.timerange,
        "export": "none",
    }
    optional = {
        "timeframe": conditions.timeframe,
        "timeframe_detail": conditions.timeframe_detail,
        "fee": conditions.fee,
    }
    return config | {key: value for key, value in optional.items() if value is not None}


def config_hash(config: Mapping[str, Any], markets_hash: str, leverage_tiers: Mapping[str, Any]) -> str:
    """Give the sha256 of a configuration together with the markets and the leverage tiers that it meets."""
    whole = {"config": config, "markets": markets_hash, "leverage_tiers": leverage_tiers}
    return hashlib.sha256(json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
