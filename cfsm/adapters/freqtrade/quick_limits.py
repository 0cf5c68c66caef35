"""The exchange's limits on stakes, quick: what does not change during a run is looked up once."""

from collections.abc import Callable
from functools import cache
from typing import Any, Literal

from freqtrade.constants import DEFAULT_AMOUNT_RESERVE_PERCENT
from freqtrade.exchange import Exchange

_MOST_RESERVE = 1.5
Limit = Callable[..., float | None]


def quick_stake_amount_limit(exchange: Exchange) -> Limit:
    """Give what does as `Exchange._get_stake_amount_limit` of this exchange does."""
    margin = 1.0 + exchange._config.get("amount_reserve_percent", DEFAULT_AMOUNT_RESERVE_PERCENT)  # noqa: SLF001

    @cache
    def bounds(pair: str, limit: str) -> tuple[float | None, float | None]:
        limits = exchange.markets[pair]["limits"]
        cost, amount = [
            None if limits[kind][limit] is None else exchange._contracts_to_amount(pair, limits[kind][limit])  # noqa: SLF001
            for kind in ("cost", "amount")
        ]
        return cost, amount

    most_notional = cache(exchange._get_max_notional_from_tiers)  # noqa: SLF001

    def limit_of(
        pair: str, price: float, stoploss: float, limit: Literal["min", "max"], leverage: float = 1.0
    ) -> float | None:
        if pair not in exchange.markets:
            raise ValueError(f"Can't get market information for symbol {pair}")  # as the original says it
        is_min = limit == "min"
        cost, amount = bounds(pair, limit)
        found: list[Any] = []
        reserve, stop_reserve = (margin, _stop_reserve(margin, stoploss)) if is_min else (1.0, 1.0)
        if not is_min and (most := most_notional(pair, leverage=leverage)):
            found.append(most)
        if cost is not None:
            found.append(cost * stop_reserve)
        if amount is not None:
            found.append(amount * price * reserve)
        if not found:
            return None if is_min else float("inf")
        stake: float = (max(found) if is_min else min(found)) / (leverage or 1.0)
        return stake

    return limit_of


def _stop_reserve(margin: float, stoploss: float) -> float:
    wanted = margin / (1 - abs(stoploss)) if abs(stoploss) != 1 else _MOST_RESERVE
    return max(min(wanted, _MOST_RESERVE), 1)
