"""A bot's account as a forward test sees it: its trades, what they come to, and how that compares with a backtest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean
from typing import Any

from cfsm.domain.forward_test import ForwardTest, ForwardVerdict
from cfsm.domain.metrics import measure
from cfsm.domain.sequential_test import Evidence, evidence_of
from cfsm.domain.trades import Trade

SHOWN = (
    *("total_trades", "winrate", "profit_total", "profit_total_abs", "profit_factor", "max_drawdown_account"),
    *("sharpe_daily", "fees_paid", "funding_fees"),
)
"""The account's figures that are kept; all are named as a backtest's are."""


@dataclass(frozen=True, slots=True)
class OpenTrade:
    """A trade that is not closed yet. ``profit_abs`` and ``profit_ratio`` are what it would give now."""

    pair: str
    is_short: bool
    open_date: int
    open_rate: float
    stake_amount: float
    profit_abs: float
    profit_ratio: float


@dataclass(frozen=True, slots=True)
class Account:
    """What a bot says at a moment of its clock (milliseconds). ``is_at_end``: its candles are over.

    ``strategy_errors`` counts what the strategy raised and Freqtrade passed over.
    """

    at_ms: int
    closed: tuple[Trade, ...] = ()
    open: tuple[OpenTrade, ...] = ()
    is_at_end: bool = False
    strategy_errors: int = 0


def figures_of_account(test: ForwardTest, account: Account) -> dict[str, Any]:
    """Give the account's figures, computed from its trades, under the names that a backtest's have."""
    wallet = float(test.conditions["dry_run_wallet"])
    end = max(account.at_ms, test.span.begin_ms + 1, *(trade.close_date for trade in account.closed), 0)
    metrics = measure(account.closed, wallet, _moment(test.span.begin_ms), _moment(end)).figures()
    return {
        **{name: metrics[name] for name in SHOWN},
        "days": round(test.watched_days(account.at_ms), 4),
        "open_trades": len(account.open),
        "open_profit_abs": round(sum(trade.profit_abs for trade in account.open), 8),
        "strategy_errors": account.strategy_errors,
    }


def evidence_of_account(test: ForwardTest, account: Account) -> Evidence:
    """Give what the account says about the promise."""
    return evidence_of(
        test.promise,
        account.closed,
        test.span.begin_ms,
        account.at_ms,
        test.rules,
        still_open_ms=[trade.open_date for trade in account.open],
        away=test.away,
    )


def verdict_of(test: ForwardTest, account: Account, evidence: Evidence) -> tuple[ForwardVerdict, str] | None:
    """Give the verdict that is due now, with its words; None while the test goes on."""
    if evidence.is_worse:
        return ForwardVerdict.WORSE, _worse(test, evidence)
    if not account.is_at_end and not test.stop_wanted:
        return None
    if test.stop_wanted:
        return ForwardVerdict.STOPPED, f"stopped by hand: {test.stop_wanted}"
    if evidence.has_edge:
        detail = (
            f"returns above zero are confirmed (e-value {evidence.edge:.3g}, {evidence.edge_threshold:g} asked for)"
        )
        return ForwardVerdict.CONFIRMED, detail
    return ForwardVerdict.KEPT, _kept(test, evidence)


def comparison_of(test: ForwardTest, figures: Mapping[str, Any], evidence: Evidence) -> dict[str, Any]:
    """Give what was promised beside what came, by name."""
    promise = test.promise
    return {
        "trades_a_day": {"promised": round(promise.rate, 4), "came": _round(evidence.rate, 4)},
        "mean_return": {"promised": round(promise.return_mean, 6), "came": _round(evidence.return_mean, 6)},
        "trades": {"promised": round(promise.rate * figures["days"], 1), "came": figures["total_trades"]},
    }


def agreement_of(test: ForwardTest, account: Account, backtested: Sequence[Trade], tolerance_ms: int) -> dict[str, Any]:
    """Give how far the bot did on these days what the backtest of the same days did; nothing where there is none.

    An entry is the same if pair and direction are and the times lie no further apart than ``tolerance_ms``. What the
    backtest opened after the bot's clock is left out.
    """
    theirs = [trade for trade in backtested if test.span.begin_ms <= trade.open_date < account.at_ms - tolerance_ms]
    ours: list[Trade | OpenTrade] = [*account.closed, *account.open]
    if not test.same_days_run_id:
        return {}
    pairs: list[tuple[Trade | OpenTrade, Trade]] = []
    left = list(ours)
    for trade in theirs:
        same = (each for each in left if _is_same_entry(each, trade, tolerance_ms))
        found = min(same, key=lambda each: abs(each.open_date - trade.open_date), default=None)
        if found is not None:
            left.remove(found)
            pairs.append((found, trade))
    entries = [_worse_by(mine.open_rate, other.open_rate, is_short=other.is_short) for mine, other in pairs]
    closed = [(mine, other) for mine, other in pairs if isinstance(mine, Trade)]
    returns = [mine.profit_ratio - other.profit_ratio for mine, other in closed]
    exits = [mine.exit_reason == other.exit_reason for mine, other in closed]
    return {
        "run_id": test.same_days_run_id,
        "backtest_trades": len(theirs),
        "same_entries": len(pairs),
        "only_in_backtest": len(theirs) - len(pairs),
        "only_in_forward_test": len(left),
        "entry_worse_by_mean": _round(fmean(entries), 8) if entries else None,
        "same_exit_reasons": sum(exits),
        "closed_in_both": len(closed),
        "return_difference_mean": _round(fmean(returns), 8) if returns else None,
    }


def _is_same_entry(mine: Trade | OpenTrade, other: Trade, tolerance_ms: int) -> bool:
    near = abs(mine.open_date - other.open_date) <= tolerance_ms
    return near and mine.pair == other.pair and mine.is_short == other.is_short


def _worse_by(mine: float, other: float, *, is_short: bool) -> float:
    """Give by which ratio an entry is dearer than another one."""
    return (other - mine) / other if is_short else (mine - other) / other


def _worse(test: ForwardTest, evidence: Evidence) -> str:
    errors = f"at most {test.rules.worse_error:.0%} of strategies that keep their promise end so"
    if evidence.worse_returns >= evidence.worse_threshold:
        mean = evidence.return_mean or 0.0
        return (
            f"returns are worse than promised: {mean:.3%} a trade in the mean of {evidence.trades} trades, where the "
            f"backtest promised {test.promise.return_mean:.3%} (at least {test.promise.return_floor:.3%}); {errors}"
        )
    return (
        f"trades are rarer than promised: {evidence.rate or 0.0:.2f} a day in {evidence.days:.1f} days, where the "
        f"backtest promised {test.promise.rate:.2f} (at least {test.promise.rate_floor:.2f}); {errors}"
    )


def _kept(test: ForwardTest, evidence: Evidence) -> str:
    if not test.promise.is_testable:
        return f"the backtest's {test.promise.trades} trades are too few to promise anything that could be broken"
    return f"{evidence.trades} trades in {evidence.days:.1f} days give no evidence that it is worse than promised"


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
