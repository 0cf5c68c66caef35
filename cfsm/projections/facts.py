"""What handlers and views read out of events: references, numbers and lists, whatever is missing."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from cfsm.domain.metrics import ReturnMoments
from cfsm.domain.naming import strategy_id

_SHORT = {"sharpe": "sr", "skewness": "skew"}

LARGEST_SHARPE = 1e6
"""No true Sharpe ratio is larger; one that is would drown the spread of all others."""


def hex_of(reference: str) -> str:
    """Give an id as the log spells it: 32 hex digits, no dashes."""
    return reference.replace("-", "")


def strategy_of(reference: str) -> str:
    """Give the id, in hex, of the strategy that is referred to by id or by name."""
    try:
        return UUID(reference).hex
    except ValueError:
        return strategy_id(reference).hex


def text_of(value: object) -> str:
    """Give the JSON text of a mapping or a list."""
    return orjson.dumps(value).decode()


def number(figures: Mapping[str, Any], *names: str) -> float | None:
    """Give the first figure of these names that is there, as a float; None where it is undefined or no number."""
    for name in names:
        value = figures.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    return None


def trade_count(figures: Mapping[str, Any]) -> int:
    """Give how many trades a backtest made; 0 where that is missing."""
    return int(number(figures, "total_trades", "trades") or 0)


def text(figures: Mapping[str, Any], name: str) -> str:
    """Give a figure that is text; empty where it is missing."""
    value = figures.get(name)
    return value if isinstance(value, str) else ""


def mapping(figures: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Give a mapping within figures; an empty one where it is missing."""
    value = figures.get(name)
    return value if isinstance(value, dict) else {}


def sharpe_per_observation(figures: Mapping[str, Any]) -> float | None:
    """Give the Sharpe ratio per observation that figures keep; None where undefined."""
    moments = _moments(figures)
    sr = number(moments, "sr")
    return sr if sr is not None and abs(sr) <= LARGEST_SHARPE else None


def return_moments(figures: Mapping[str, Any]) -> ReturnMoments | None:
    """Give the moments of the daily returns that figures keep; None where any of them is undefined."""
    moments, sr = _moments(figures), sharpe_per_observation(figures)
    observations = number(moments, "observations")
    skew, kurtosis = number(moments, "skew"), number(moments, "kurtosis")
    if sr is None or observations is None or skew is None or kurtosis is None:
        return None
    try:
        return ReturnMoments(sr, int(observations), skew, kurtosis)
    except ValueError:
        return None


def _moments(figures: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the moments under one spelling: nested or flat, with short names or long ones."""
    nested = mapping(figures, "moments")
    return {_SHORT.get(name, name): value for name, value in nested.items()} if nested else figures
