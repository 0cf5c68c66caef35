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


def test_more_leverage_than_any_stop_makes_good_is_found(forge):
    source = with_method("def leverage(self, max_leverage, **kwargs):", "    return max_leverage")

    assert "LEVERAGE" in codes(backtest(forge, source))
