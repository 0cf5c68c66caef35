"""What the audit holds trades against, from candles that no strategy has touched: bars, funding, rules."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.data.history import load_pair_history
from freqtrade.enums import CandleType
from freqtrade.exchange import Exchange

from cfsm.adapters.freqtrade.audit import Bars, Funding, Rules
from cfsm.adapters.freqtrade.warm_candles import WarmCandles, bounds
from cfsm.domain.evaluation import Conditions

_NS_PER_MS = 1_000_000


def bars_of(candles: WarmCandles, datadir: Path, pairs: Sequence[str], timeframe: str) -> dict[str, Bars]:
    """Give the bars of these pairs in this timeframe, for all time."""
    return {pair: _bars(_frame(candles, datadir, pair, timeframe)) for pair in pairs}


def funding_of(candles: WarmCandles, datadir: Path, exchange: Exchange, pairs: Sequence[str]) -> dict[str, Funding]:
    """Give the funding of these pairs, for all time, as Freqtrade combines it from rates and mark prices."""
    return {pair: _funding(candles, datadir, exchange, pair) for pair in pairs}


def traded_span(
    candles: WarmCandles, datadir: Path, pairs: Sequence[str], timeframe: str, startup: int, timerange: str
) -> tuple[int, int]:
    """Give when trading can begin and when it ends, in milliseconds: the range without the startup candles.

    Both are 0 where no candle is left.
    """
    parsed = TimeRange.parse_timerange(timerange)
    firsts, lasts = [], []
    for pair in pairs:
        dates = _frame(candles, datadir, pair, timeframe)["date"]
        first, stop = bounds(dates, parsed, timeframe, startup)
        if first + startup < stop:
            firsts.append(_milliseconds(dates.iloc[first + startup]))
            lasts.append(_milliseconds(dates.iloc[stop - 1]))
    return (min(firsts), max(lasts)) if firsts else (0, 0)


def rules_of(exchange: Exchange, conditions: Conditions, pairs: Sequence[str], span: tuple[int, int]) -> Rules:
    """Give the rules that hold under these conditions."""

    def liquidation_price(
        pair: str, rate: float, short: bool, amount: float, stake: float, leverage: float
    ) -> float | None:
        price: float | None = exchange.get_liquidation_price(
            pair=pair,
            open_rate=rate,
            is_short=short,
            amount=amount,
            stake_amount=stake,
            leverage=leverage,
            wallet_balance=stake,
        )
        return price

    return Rules(
        start_ms=span[0],
        end_ms=span[1],
        wallet=conditions.dry_run_wallet,
        max_open_trades=conditions.max_open_trades,
        fee=_fee(exchange, conditions, pairs),
        max_leverage={pair: float(exchange.get_max_leverage(pair, 0)) for pair in pairs},
        liquidation_price=liquidation_price,
    )


def market_change(
    candles: WarmCandles, datadir: Path, pairs: Sequence[str], timeframe: str, span: tuple[int, int]
) -> float:
    """Give how the closing prices of these pairs changed in a span, in the mean, as Freqtrade's report has it."""
    start, end = (pd.Timestamp(moment, unit="ms", tz="UTC") for moment in span)
    changes = []
    for pair in pairs:
        frame = _frame(candles, datadir, pair, timeframe)
        first, last = frame["date"].searchsorted(start, "left"), frame["date"].searchsorted(end, "right") - 1
        if first <= last:
            opening, closing = frame["close"].iloc[first], frame["close"].iloc[last]
            changes.append((closing - opening) / opening)
    return float(np.mean(changes)) if changes else 0.0


def _fee(exchange: Exchange, conditions: Conditions, pairs: Sequence[str]) -> float:
    if conditions.fee is not None:
        return conditions.fee
    fees = [exchange.get_fee(symbol=pairs[0], taker_or_maker=side) for side in ("taker", "maker")]
    return float(max(fee for fee in fees if fee is not None))


def _frame(candles: WarmCandles, datadir: Path, pair: str, timeframe: str) -> pd.DataFrame:
    kept = candles.get((pair, timeframe, CandleType.FUTURES.value))
    if kept is not None:
        return kept
    loaded: pd.DataFrame = load_pair_history(
        pair, timeframe, datadir, data_format="feather", candle_type=CandleType.FUTURES
    )
    return loaded


def _bars(frame: pd.DataFrame) -> Bars:
    times = frame["date"].dt.as_unit("ms").astype("int64").to_numpy()
    return Bars(times, frame["open"].to_numpy(), frame["low"].to_numpy(), frame["high"].to_numpy())


def _funding(candles: WarmCandles, datadir: Path, exchange: Exchange, pair: str) -> Funding:
    kept = candles.funding(pair)
    if kept is not None:
        return _sums(kept)
    frames = {}
    for kind in (CandleType.FUNDING_RATE, CandleType.MARK):
        frame = candles.get((pair, "1h", kind.value))
        if frame is None:
            frame = load_pair_history(
                pair, "1h", datadir, data_format="feather", candle_type=kind, fill_up_missing=kind is CandleType.MARK
            )
        frames[kind] = frame
    combined = exchange.combine_funding_and_mark(
        funding_rates=frames[CandleType.FUNDING_RATE], mark_rates=frames[CandleType.MARK]
    )
    return _sums(combined)


def _sums(combined: pd.DataFrame) -> Funding:
    return Funding(
        combined["_ff_date_ns"].to_numpy() // _NS_PER_MS, combined["_ff_fee_per_unit"].fillna(0.0).to_numpy()
    )


def _milliseconds(date: pd.Timestamp) -> int:
    return int(date.timestamp() * 1000)
