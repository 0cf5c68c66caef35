"""What a list of trades says of a strategy's risk, looked at where the strategy is not: no result is worth more."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cfsm.adapters.freqtrade.audit import Bars
from cfsm.adapters.freqtrade.findings import finding
from cfsm.domain.evaluation import Finding
from cfsm.domain.metrics import Metrics
from cfsm.domain.trades import Trade

MOST_LEVERAGE = 25.0
LIQUIDATED_SHARE = 0.02
_FEES_SHARE = 0.5
_PERFECT_SHARE, _FEWEST_FILLS = 0.5, 10


def risks_of(trades: Sequence[Trade], metrics: Metrics) -> Iterator[Finding]:
    """Give what is wrong with the risk of these trades, and what to know about it."""
    if not trades:
        return
    liquidated = sum(trade.exit_reason == "liquidation" for trade in trades)
    if liquidated > LIQUIDATED_SHARE * len(trades):
        yield finding("LIQUIDATION", f"{liquidated} of {len(trades)} trades are liquidated")
    most = max(trade.leverage for trade in trades)
    if most > MOST_LEVERAGE:
        yield finding("LEVERAGE", f"A trade has a leverage of {most:g}; {MOST_LEVERAGE:g} is the most that is taken on")
    profit, best = metrics.profit_total_abs, max(trade.profit_abs for trade in trades)
    if 0 < profit <= best:
        words = f"One trade of {len(trades)} made {best:.2f}, all of them {profit:.2f}"
        yield finding("ONE_TRADE", words)
    if metrics.fees_share is not None and metrics.fees_share > _FEES_SHARE:
        yield finding("FEES", f"Fees took {metrics.fees_share:.0%} of the profits before fees")


def perfect_prices(rows: Sequence[Mapping[str, Any]], bars: Mapping[str, Bars]) -> Iterator[Finding]:
    """Give the finding where orders are filled at the best price of their candle, which nobody knows when it opens.

    A row is a trade as Freqtrade exports it, with the fills of its orders; the audit has passed them.
    """
    for is_entry, side in ((True, "entries"), (False, "exits")):
        fills = [
            (bars[row["pair"]], order, bool(row["is_short"]) is is_entry)
            for row in rows
            for order in row["orders"]
            if order["ft_is_entry"] is is_entry and (is_entry or row["exit_reason"] not in _AT_KNOWN_PRICES)
        ]
        perfect = sum(_is_perfect(*fill) for fill in fills)
        if len(fills) >= _FEWEST_FILLS and perfect > _PERFECT_SHARE * len(fills):
            words = f"{perfect} of {len(fills)} {side} are filled at the best price of their candle"
            yield finding("PERFECT_PRICES", words)


_AT_KNOWN_PRICES = frozenset({"roi", "stop_loss", "trailing_stop_loss", "liquidation", "force_exit"})


def _is_perfect(bars: Bars, order: Mapping[str, Any], is_high_best: bool) -> bool:
    row = bars.row(int(order["order_filled_timestamp"]))
    if row is None:
        return False
    best = bars.high[row] if is_high_best else bars.low[row]
    return bool(order["safe_price"] == best != bars.open[row])
