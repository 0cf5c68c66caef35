"""What a backtest in the real forge finds beside its figures: knowledge of the future, and risk."""

from cfsm.domain.evaluation import Conditions, Job, Verdict
from tests.fakes.strategy_texts import NAME, changed, in_indicators, right, with_method

CONDITIONS = Conditions(dataset="synthetic")


def backtest(forge, source):
    return forge.backtest(Job("run", NAME, source, CONDITIONS), lambda *_: None)


def codes(outcome):
    return [found.code for found in outcome.findings]


def test_an_ordinary_strategy_has_figures_that_count(forge):
    outcome = backtest(forge, right())

    assert outcome.trades
    assert (outcome.verdict, codes(outcome)) == (Verdict.ACCEPTED, [])


def test_a_strategy_that_looks_ahead_where_the_history_is_long_is_found_in_the_backtest(forge):
    source = in_indicators(
        'dataframe["bias"] = dataframe["close"].shift(-1 if len(dataframe) > 1_200 else 1)',
    ).replace(b".loc[up,", b'.loc[up & (dataframe["bias"] > dataframe["close"]),')

    validated = forge.validate(Job("run", NAME, source, CONDITIONS), lambda *_: None)
    outcome = backtest(forge, source)

    assert validated.verdict is Verdict.ACCEPTED  # it looks at 1,120 candles
    assert outcome.trades
    assert (outcome.verdict, codes(outcome)) == (Verdict.REJECTED, ["LOOKAHEAD"])


def test_entries_at_the_best_price_of_their_candle_are_found(forge):
    source = changed(
        (
            '        dataframe["fast"] =',
            '        self.seen = getattr(self, "seen", {}) | {metadata["pair"]: dataframe.set_index("date")}\n'
            '        dataframe["fast"] =',
        )
    ) + (
        b"\n    def custom_entry_price(self, pair, current_time, proposed_rate, side, **kwargs):\n"
        b"        candles = self.seen[pair]\n"
        b"        if current_time not in candles.index:\n"
        b"            return proposed_rate\n"
        b'        return float(candles.loc[current_time, "low" if side == "long" else "high"])\n'
    )

    outcome = backtest(forge, source)

    assert outcome.verdict is Verdict.REJECTED
    assert "PERFECT_PRICES" in codes(outcome)


def second_opinion(forge, source):
    return forge.second_opinion(Job("run", NAME, source, CONDITIONS), lambda *_: None)


def test_a_second_opinion_has_nothing_against_an_ordinary_strategy(forge):
    outcome = second_opinion(forge, right())

    assert (outcome.verdict, codes(outcome)) == (Verdict.ACCEPTED, [])


def test_a_second_opinion_tells_what_freqtrade_sees_in_a_column_that_no_signal_needs(forge):
    outcome = second_opinion(forge, in_indicators('dataframe["next"] = dataframe["close"].shift(-1)'))

    assert (outcome.verdict, codes(outcome)) == (Verdict.ACCEPTED, ["LOOKAHEAD_UNUSED", "LOOKAHEAD_ANALYSIS"])
    assert "indicators: next" in outcome.findings[1].message


def test_a_second_opinion_rejects_what_knows_the_future(forge):
    source = with_method(
        "def confirm_trade_entry(self, pair, current_time, **kwargs):",
        "    candles = self.dp.historic_ohlcv(pair, self.timeframe)",
        '    later = candles.loc[candles["date"] > current_time, "close"].head(6)',
        "    return bool(len(later) > 0 and later.iloc[-1] > later.iloc[0])",
    )

    outcome = second_opinion(forge, source)

    assert (outcome.verdict, codes(outcome)) == (Verdict.REJECTED, ["LOOKAHEAD"])


def test_a_startup_that_is_too_short_is_seen_by_freqtrade_too(forge):
    outcome = second_opinion(forge, changed(("startup_candle_count = 120", "startup_candle_count = 10")))

    assert codes(outcome) == ["STARTUP_SHORT", "RECURSIVE_ANALYSIS"]


def test_more_leverage_than_any_stop_makes_good_is_found(forge):
    source = with_method("def leverage(self, max_leverage, **kwargs):", "    return max_leverage")

    assert "LEVERAGE" in codes(backtest(forge, source))
