"""The audit of a list of trades, by code that never saw the strategy, against candles that it could not touch.

A strategy can lie about its own result: it runs in the same process as the backtest. What it cannot do is change the
candles here. So every fill must lie inside its candle, every fee, funding payment and profit must be what follows
from the fills, no trade may survive its liquidation price, and never may more trades be open, or more money be at
stake, than there was.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

_RELATIVE = 1e-6
_ABSOLUTE = 1e-6  # Freqtrade rounds amounts of money to eight digits
_LIQUIDATION_SLACK = 1e-3  # liquidation prices are rounded to the market's price precision
_MOST_FAULTS = 5

Times = npt.NDArray[np.int64]
Prices = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bars:
    """A pair's candles: opening times in milliseconds, opening prices, lows and highs."""

    times: Times
    open: Prices
    low: Prices
    high: Prices

    def row(self, time_ms: int) -> int | None:
        """Give the row of the candle that opens at this time."""
        place = int(self.times.searchsorted(time_ms))
        return place if place < len(self.times) and self.times.item(place) == time_ms else None


@dataclass(frozen=True)
class Funding:
    """A pair's funding: times in milliseconds, and what a long pays per unit of the base currency."""

    times: Times
    per_unit: Prices

    def paid(self, amount: float, start_ms: int, end_ms: int) -> float:
        """Give what a long of this amount pays from one time to another, both included."""
        first, last = self.times.searchsorted(start_ms, "left"), self.times.searchsorted(end_ms, "right")
        return float(self.per_unit[first:last].sum() * amount)


@dataclass(frozen=True)
class Rules:
    """What the trades have to keep to.

    ``liquidation_price`` gives the price for a pair, entry rate, whether it is short, amount, stake and leverage.
    """

    start_ms: int
    end_ms: int
    wallet: float
    max_open_trades: int
    fee: float
    max_leverage: Mapping[str, float]
    liquidation_price: Callable[[str, float, bool, float, float, float], float | None]


class _Fill(NamedTuple):
    is_entry: bool
    time_ms: int
    amount: float
    price: float


class Fault(Exception):
    """This trade cannot have happened; the message says why."""


def audit(
    rows: Sequence[Mapping[str, Any]], bars: Mapping[str, Bars], funding: Mapping[str, Funding], rules: Rules
) -> list[str]:
    """Give what is impossible about these trades, worded for whoever reads the finding; empty when nothing is.

    A row is a trade as Freqtrade exports it, with the fills of its orders.
    """
    faults: list[str] = []
    for number, row in enumerate(rows, start=1):
        try:
            _check_trade(row, bars, funding, rules)
        except Fault as fault:
            faults.append(f"trade {number} ({row['pair']}): {fault}")
        if len(faults) >= _MOST_FAULTS:
            return faults
    return [*faults, *_check_together(rows, rules)][:_MOST_FAULTS]


def _check_trade(
    row: Mapping[str, Any], bars: Mapping[str, Bars], funding: Mapping[str, Funding], rules: Rules
) -> None:
    pair = row["pair"]
    if pair not in bars:
        raise Fault("its pair was not among those traded")
    fills = _fills(row)
    places = [_place(fill, bars[pair], rules) for fill in fills]
    _check_leverage(row, rules)
    _check_money(row, fills, funding.get(pair), rules)
    _check_survival(row, fills, places, bars[pair], rules)


def _fills(row: Mapping[str, Any]) -> list[_Fill]:
    orders = row["orders"]
    if not isinstance(orders, list) or row["is_open"] is not False:
        raise Fault("it is not closed")
    try:
        fills = [
            _Fill(
                bool(order["ft_is_entry"]),
                int(order["order_filled_timestamp"]),
                float(order["amount"]),
                float(order["safe_price"]),
            )
            for order in orders
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise Fault("its orders are not all filled") from error
    if not any(fill.is_entry for fill in fills) or all(fill.is_entry for fill in fills):
        raise Fault("it lacks an entry or an exit")
    if any(not (math.isfinite(fill.amount) and fill.amount > 0 and fill.price > 0) for fill in fills):
        raise Fault("an order has no positive amount and price")
    if any(later.time_ms < earlier.time_ms for earlier, later in pairwise(fills)):
        raise Fault("its orders are filled out of order")
    if fills[-1].time_ms != row["close_timestamp"] or fills[0].time_ms < row["open_timestamp"]:
        raise Fault("its orders are filled at other times than it opened and closed")
    return fills


def _place(fill: _Fill, bars: Bars, rules: Rules) -> int:
    """Give the row of the candle that filled an order."""
    if not rules.start_ms <= fill.time_ms <= rules.end_ms:
        raise Fault("an order is filled outside of the time that was traded")
    row = bars.row(fill.time_ms)
    if row is None:
        raise Fault("an order is filled where no candle opens")
    low, high = bars.low.item(row), bars.high.item(row)
    if not low <= fill.price <= high:
        raise Fault(f"an order is filled at {fill.price}, outside of its candle ({low} to {high})")
    return row


def _check_leverage(row: Mapping[str, Any], rules: Rules) -> None:
    most = rules.max_leverage[row["pair"]]
    if not 1 <= row["leverage"] <= most:
        raise Fault(f"its leverage is {row['leverage']}; {most} is the most there is")
    if not (_near(row["fee_open"], rules.fee) and _near(row["fee_close"], rules.fee)):
        raise Fault(f"its fees are not {rules.fee}")


def _check_money(row: Mapping[str, Any], fills: Sequence[_Fill], funding: Funding | None, rules: Rules) -> None:
    """Follow the money as Freqtrade's ``recalc_trade_from_orders`` does."""
    short, leverage = bool(row["is_short"]), float(row["leverage"])
    held = stake = average = bought = most_stake = profit = funding_paid = since_exit = 0.0
    last_ms = fills[0].time_ms
    for fill in fills:
        if held > 0 and funding is not None:
            paid = funding.paid(held, last_ms, fill.time_ms)
            since_exit += paid if short else -paid
            funding_paid += paid if short else -paid
        last_ms = fill.time_ms
        if fill.is_entry:
            held += fill.amount
            stake += fill.amount * fill.price
            average = stake / held
            bought += fill.amount * fill.price * (1 - rules.fee if short else 1 + rules.fee)
            most_stake += fill.amount * fill.price
        else:
            profit += _profit(short, fill, average, rules.fee) + since_exit
            since_exit = 0.0
            held -= fill.amount
            stake -= fill.amount * average
    if not math.isclose(held, 0.0, abs_tol=_RELATIVE * sum(fill.amount for fill in fills)):
        raise Fault("it left more or less than it had entered")
    if not _near(row["funding_fees"] or 0.0, funding_paid):
        raise Fault(f"its funding fees are {row['funding_fees']}; the funding rates give {funding_paid:.8f}")
    if not _near(row["profit_abs"], profit):
        raise Fault(f"its profit is {row['profit_abs']}; its orders give {profit:.8f}")
    if not _near(row["profit_ratio"], profit / bought * leverage):
        raise Fault(f"its profit ratio is {row['profit_ratio']}; its orders give {profit / bought * leverage:.8f}")
    if not _near(row["max_stake_amount"] or 0.0, most_stake / leverage):
        raise Fault(f"its stake is {row['max_stake_amount']}; its orders give {most_stake / leverage:.8f}")


def _profit(short: bool, fill: _Fill, average: float, fee: float) -> float:
    entered = fill.amount * average * (1 - fee if short else 1 + fee)
    left = fill.amount * fill.price * (1 + fee if short else 1 - fee)
    return entered - left if short else left - entered


def _check_survival(
    row: Mapping[str, Any], fills: Sequence[_Fill], places: Sequence[int], bars: Bars, rules: Rules
) -> None:
    """Raise Fault where a trade with one entry outlived its liquidation price."""
    if sum(fill.is_entry for fill in fills) != 1 or len(fills) != 2:  # noqa: PLR2004 (one entry, one exit)
        return
    entry = fills[0]
    short, leverage = bool(row["is_short"]), float(row["leverage"])
    stake = entry.amount * entry.price / leverage
    price = rules.liquidation_price(row["pair"], entry.price, short, entry.amount, stake, leverage)
    if price is None or price <= 0:
        return
    first, last = places
    if first == last:
        return
    worst = float(bars.high[first:last].max()) if short else float(bars.low[first:last].min())
    beyond = worst > price * (1 + _LIQUIDATION_SLACK) if short else worst < price * (1 - _LIQUIDATION_SLACK)
    if beyond:
        raise Fault(f"it went through its liquidation price of {price:g} (to {worst:g}) and stayed open")


def _check_together(rows: Sequence[Mapping[str, Any]], rules: Rules) -> Iterator[str]:
    spans = sorted((int(row["open_timestamp"]), int(row["close_timestamp"])) for row in rows)
    by_pair: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in rows:
        by_pair[row["pair"]].append((int(row["open_timestamp"]), int(row["close_timestamp"])))
    for pair, own in by_pair.items():
        if any(later[0] < earlier[1] for earlier, later in pairwise(sorted(own))):
            yield f"two trades in {pair} are open at once"
    most = _most_at_once(spans)
    if rules.max_open_trades > 0 and most > rules.max_open_trades:
        yield f"{most} trades are open at once; max_open_trades is {rules.max_open_trades}"
    yield from _check_wallet(rows, rules)


def _most_at_once(spans: Sequence[tuple[int, int]]) -> int:
    """Give how many trades are open at once at least; those that close in a candle may make room in it."""
    changes = sorted(
        [(close, -1) for start, close in spans if close > start]
        + [(start, 1) for start, close in spans if close > start]
    )
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def _check_wallet(rows: Sequence[Mapping[str, Any]], rules: Rules) -> Iterator[str]:
    """Say where more is at stake than the wallet holds, taking all that closes in a candle as closed before."""
    changes = []
    for row in rows:
        stake = float(row["max_stake_amount"] or row["stake_amount"])
        changes.append((int(row["close_timestamp"]), 0, stake + float(row["profit_abs"])))
        if int(row["close_timestamp"]) > int(row["open_timestamp"]):
            changes.append((int(row["open_timestamp"]), 1, -stake))
        else:
            changes.append((int(row["open_timestamp"]), 0, -stake))
    free = rules.wallet
    for _, opening, change in sorted(changes, key=lambda entry: entry[:2]):
        free += change
        if opening and free < -_ABSOLUTE - _RELATIVE * rules.wallet:
            yield f"more is at stake than the wallet holds ({-free:.2f} too much)"
            return


def _near(given: float, computed: float) -> bool:
    return math.isclose(given, computed, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
