"""What handlers and views read out of events: references, and figures as ``cfsm.domain.figures`` names them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from cfsm.domain.naming import strategy_id


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


def number(figures: Mapping[str, Any], name: str) -> float | None:
    """Give a figure as a float; None where it is missing, undefined or no number."""
    value = figures.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def trade_count(figures: Mapping[str, Any]) -> int:
    """Give how many trades a backtest made; 0 where that is missing."""
    return int(number(figures, "total_trades") or 0)


def text(figures: Mapping[str, Any], name: str) -> str:
    """Give a figure that is text; empty where it is missing."""
    value = figures.get(name)
    return value if isinstance(value, str) else ""


def mapping(figures: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Give a mapping within figures; an empty one where it is missing."""
    value = figures.get(name)
    return value if isinstance(value, dict) else {}
