"""What a validation in the real forge finds in strategies that are wrong in one way each."""

import pytest

from cfsm.adapters.blueprint import render
from cfsm.domain.blueprint import read_blueprint
from cfsm.domain.evaluation import Conditions, Job, Verdict
from tests.fakes.blueprints import draw
from tests.fakes.strategy_texts import INDICATORS, NAME, at_top, changed, in_indicators, right, with_method

CONDITIONS = Conditions(dataset="synthetic")
ENTRY = '        dataframe.loc[up, "enter_long"] = 1\n'
SIGNATURE = "self, pair, trade, current_time, current_rate, current_profit, **kwargs"


def validate(forge, source, name=NAME, conditions=CONDITIONS, parameters=None):
    return forge.validate(Job("run", name, source, conditions, parameters), lambda *_: None)


def codes(outcome):
    return [found.code for found in outcome.findings]


WRONG = {
    "syntax": (right() + b"\n    x = (\n", "SOURCE_SYNTAX"),
    "binary": (b"\x00\xff\xfe" + right(), "SOURCE_ENCODING"),
    "cookie": (b"# -*- coding: utf-7 -*-\n" + right(), "SOURCE_COOKIE"),
    "empty": (b"", "CLASS_NAME"),
    "too large": (right() + b"#" * 300_000, "SOURCE_SIZE"),
    "other class": (right().replace(b"SampleStrategy", b"AnotherStrategy"), "CLASS_NAME"),
    "no such module": (at_top("import backtrader"), "MISSING_MODULE"),
    "no such name": (at_top("from freqtrade.strategy import NoSuchThing"), "LOAD_FAILED"),
    "stoploss positive": (changed(("stoploss = -0.08", "stoploss = 0.08")), "STOPLOSS"),
    "stoploss missing": (changed(("    stoploss = -0.08\n", "")), "STOPLOSS"),
    "stoploss text": (changed(("stoploss = -0.08", 'stoploss = "tight"')), "STOPLOSS"),
    "timeframe missing": (changed(('    timeframe = "1h"\n', "")), "TIMEFRAME"),
    "timeframe misspelt": (changed(('timeframe = "1h"', 'timeframe = "hourly"')), "TIMEFRAME"),
    "timeframe not there": (changed(('timeframe = "1h"', 'timeframe = "3m"')), "TIMEFRAME"),
    "whole keys in roi": (changed(('{"0": 0.04, "240": 0.01}', "{0: 0.04}")), "ROI"),
    "no exit method": (changed(("populate_exit_trend", "exit_trend")), "METHOD_MISSING"),
    "old interface": (with_method("def custom_sell(self, **kwargs):", "    return None"), "INTERFACE_V2"),
    "signals raise": (changed((ENTRY, '        dataframe["rsi"] > 30\n')), "SIGNALS_FAILED"),
    "rows lost": (in_indicators("dataframe = dataframe.iloc[50:]"), "DATAFRAME"),
    "nothing returned": (
        changed(("timeperiod=21)\n        return dataframe", "timeperiod=21)")),
        "DATAFRAME",
    ),
    "candles changed": (in_indicators('dataframe["close"] = dataframe["close"] * 1.01'), "CANDLES_CHANGED"),
    "chained": (
        changed((ENTRY, '        dataframe["enter_long"] = 0\n        dataframe["enter_long"][up] = 1\n')),
        "CHAINED_ASSIGNMENT",
    ),
    "signal of another value": (changed((ENTRY, '        dataframe.loc[up, "enter_long"] = "yes"\n')), "SIGNAL_VALUES"),
    "no signals": (
        changed(("dataframe.loc[up", "dataframe.loc[up & ~up"), ("dataframe.loc[down", "dataframe.loc[down & ~down")),
        "NO_SIGNALS",
    ),
    "entry and exit at once": (
        changed(
            ('dataframe.loc[dataframe["fast"] < dataframe["slow"], "exit_long"]', 'dataframe["exit_long"]'),
            ('dataframe.loc[dataframe["fast"] > dataframe["slow"], "exit_short"]', 'dataframe["exit_short"]'),
        ),
        "SIGNAL_CONFLICT",
    ),
    "only shorts": (changed(("can_short = True", "can_short = False"), (ENTRY, "")), "SHORTS_ONLY"),
    "always in": (changed((ENTRY, '        dataframe["enter_long"] = 1\n')), "ALWAYS_IN"),
    "signature": (with_method("def leverage(self, pair, current_time):", "    return 2.0"), "SIGNATURE"),
    "callback raises": (
        with_method(f"def custom_exit({SIGNATURE}):", '    raise KeyError("boom")'),
        "CALLBACK_FAILED",
    ),
    "callback raises ValueError": (
        with_method(f"def custom_exit({SIGNATURE}):", '    raise ValueError("boom")'),
        "CALLBACK_FAILED",
    ),
    "nothing confirmed": (with_method("def confirm_trade_entry(self, **kwargs):", "    pass"), "CONFIRM_NONE"),
    "nothing allowed": (with_method("def confirm_trade_entry(self, **kwargs):", "    return False"), "NO_TRADES"),
    "leverage against stop": (
        changed(("stoploss = -0.08", "stoploss = -0.95"))
        + b"\n    def leverage(self, pair, max_leverage, **kwargs):\n        return max_leverage\n",
        "LIQUIDATION",
    ),
    "exits never confirmed": (with_method("def confirm_trade_exit(self, **kwargs):", "    pass"), "CONFIRM_NONE"),
    "leverage is nothing": (with_method("def leverage(self, **kwargs):", "    pass"), "CALLBACK_VALUE"),
    "stake is no number": (
        with_method("def custom_stake_amount(self, **kwargs):", '    return float("nan")'),
        "CALLBACK_VALUE",
    ),
    "informative pairs raise": (with_method("def informative_pairs(self):", "    return 1 / 0"), "CALLBACK_FAILED"),
    "too much leverage": (
        with_method("def leverage(self, max_leverage, **kwargs):", "    return max_leverage"),
        "LEVERAGE",
    ),
    "a column without values": (
        in_indicators('dataframe["mean"] = dataframe["close"].rolling(90_000).mean()')
        .replace(b".loc[up,", b'.loc[up & (dataframe["close"] > dataframe["mean"]),')
        .replace(b".loc[down,", b'.loc[down & (dataframe["close"] < dataframe["mean"]),'),
        "NO_SIGNALS",
    ),
    "roi is a list": (changed(('{"0": 0.04, "240": 0.01}', "[0.04]")), "ROI"),
    "stoploss is nothing": (changed(("stoploss = -0.08", "stoploss = None")), "STOPLOSS"),
    "startup is text": (changed(("startup_candle_count = 120", 'startup_candle_count = "120"')), "ATTRIBUTE"),
    "interrupted by itself": (in_indicators("raise KeyboardInterrupt"), "INDICATORS_FAILED"),
    "exit of the process": (in_indicators("raise SystemExit(0)"), "INDICATORS_FAILED"),
    "random": (
        at_top("import numpy as np")
        .replace(
            b'        dataframe["fast"] =',
            b'        dataframe["noise"] = np.random.default_rng().normal(size=len(dataframe))\n        dataframe["fast"] =',
        )
        .replace(
            b"        dataframe.loc[up,", b'        up = up & (dataframe["noise"] > 0)\n        dataframe.loc[up,'
        ),
        "NOT_DETERMINISTIC",
    ),
}


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_what_is_wrong_is_named_first(forge, case):
    source, code = WRONG[case]

    outcome = validate(forge, source)

    assert codes(outcome)[0] == code
    assert outcome.verdict in {Verdict.REJECTED, Verdict.UNSAFE}


BIASED = {
    "shift": 'dataframe["bias"] = dataframe["close"].shift(-1)',
    "whole column": 'dataframe["bias"] = dataframe["close"].mean()',
    "last row": 'dataframe["bias"] = dataframe["close"].iloc[-1]',
    "rank": 'dataframe["bias"] = dataframe["close"].rank(pct=True) * dataframe["close"] * 2',
    "centred": 'dataframe["bias"] = dataframe["close"].rolling(5, center=True).mean()',
    "back fill": 'dataframe["bias"] = dataframe["close"].where(dataframe["close"].diff() > 0).bfill()',
    "reversed": 'dataframe["bias"] = dataframe["close"][::-1].rolling(8).max()[::-1]',
    "numpy roll": 'dataframe["bias"] = __import_np.roll(dataframe["close"].to_numpy(), -1)',
    "resampled": (
        'four = dataframe.resample("4h", on="date").agg({"close": "last"}).rename(columns={"close": "bias"}).reset_index(); '
        'dataframe = dataframe.merge(four, on="date", how="left"); dataframe["bias"] = dataframe["bias"].ffill()'
    ),
    "informative without shift": (
        'four = self.dp.get_pair_dataframe(metadata["pair"], "4h")[["date", "close"]].rename(columns={"close": "bias"}); '
        'dataframe = dataframe.merge(four, on="date", how="left"); dataframe["bias"] = dataframe["bias"].ffill()'
    ),
}


@pytest.mark.parametrize("case", BIASED, ids=str)
def test_knowledge_of_the_future_is_found(forge, case):
    line = BIASED[case].replace("__import_np", "np")
    source = in_indicators(*line.split("; ")).replace(
        b"        dataframe.loc[up,",
        b'        up = up & (dataframe["bias"] > dataframe["close"] * 0.99)\n        dataframe.loc[up,',
    )

    outcome = validate(forge, b"import numpy as np\n" + source)

    assert codes(outcome) == ["LOOKAHEAD"]
    assert "bias" in outcome.findings[0].message


def test_a_level_of_the_whole_history_is_found_although_no_cut_moves_it(forge):
    level = 'dataframe["top"] = dataframe["close"].max()'
    source = changed(
        (INDICATORS, f"        {level}\n{INDICATORS}"),
        ("dataframe.loc[up,", 'dataframe.loc[up & (dataframe["close"] > dataframe["top"] / 3.5),'),
    )

    outcome = validate(forge, source)

    assert codes(outcome)[0] == "LOOKAHEAD"
    assert "when the later candles are others" in outcome.findings[0].message


def test_a_signal_made_of_the_next_candle_is_found(forge):
    source = changed(
        (
            "        dataframe.loc[up,",
            '        up = up & (dataframe["close"].shift(-1) > dataframe["close"])\n        dataframe.loc[up,',
        )
    )

    assert codes(validate(forge, source)) == ["LOOKAHEAD"]


def test_the_line_of_a_wrong_attribute_is_named(forge):
    source = changed(("stoploss = -0.08", "stoploss = None"))

    (found,) = validate(forge, source).findings

    assert source.splitlines()[found.line - 1] == b"    stoploss = None"


def test_the_line_of_a_biased_column_is_named(forge):
    line = 'dataframe["bias"] = dataframe["close"].shift(-1)'
    source = in_indicators(line).replace(b".loc[up,", b'.loc[up & (dataframe["bias"] > dataframe["close"]),')

    (found,) = validate(forge, source).findings

    assert source.splitlines()[found.line - 1].strip() == line.encode()


SEEN = (
    '        dataframe["fast"] =',
    '        self.seen = getattr(self, "seen", {}) | {metadata["pair"]: dataframe.copy()}\n        dataframe["fast"] =',
)
LATER = (
    "    candles = self.seen[pair]",
    '    later = candles.loc[candles["date"] > current_time, "close"].head(6)',
    "    rising = len(later) > 0 and later.iloc[-1] > later.iloc[0]",
)
KNOWING = {
    "an entry": ("def confirm_trade_entry(self, pair, current_time, **kwargs):", *LATER, "    return bool(rising)"),
    "a stake": (
        "def custom_stake_amount(self, pair, current_time, proposed_stake, **kwargs):",
        *LATER,
        "    return proposed_stake if rising else 0",
    ),
    "a leverage": ("def leverage(self, pair, current_time, **kwargs):", *LATER, "    return 5.0 if rising else 1.0"),
    "a stop": (
        "use_custom_stoploss = True",
        "def custom_stoploss(self, pair, current_time, **kwargs):",
        *LATER,
        "    return -0.08 if rising else -0.001",
    ),
    "candles asked for": (
        "def confirm_trade_entry(self, pair, current_time, **kwargs):",
        "    candles = self.dp.historic_ohlcv(pair, self.timeframe)",
        *LATER[1:],
        "    return bool(rising)",
    ),
}


@pytest.mark.parametrize("case", KNOWING, ids=str)
def test_a_callback_that_knows_later_prices_is_found(forge, case):
    method = "\n" + "".join(f"    {line}\n" for line in KNOWING[case])

    assert "LOOKAHEAD" in codes(validate(forge, changed(SEEN) + method.encode()))


UNCALLED = {
    "custom_stoploss": "use_custom_stoploss is not True",
    "custom_roi": "use_custom_roi is not True",
    "adjust_trade_position": "position_adjustment_enable is not True",
}


@pytest.mark.parametrize("name", UNCALLED, ids=str)
def test_a_callback_that_is_never_called_is_advice(forge, name):
    outcome = validate(forge, with_method(f"def {name}(self, **kwargs):", "    return None"))

    assert (outcome.verdict, codes(outcome)) == (Verdict.ACCEPTED, ["CALLBACK_UNUSED"])
    assert UNCALLED[name] in outcome.findings[0].message


def test_signals_that_are_mostly_cancelled_are_advice(forge):
    often = '        dataframe.loc[dataframe["date"].dt.hour > 5, ["exit_long", "exit_short"]] = 1\n'

    source = changed((ENTRY, ENTRY + often))

    assert "SIGNALS_CANCELLED" in codes(validate(forge, source))


def test_rare_entries_are_looked_for_in_the_whole_history(forge):
    source = changed(
        (ENTRY, '        dataframe.loc[up & (dataframe["date"].dt.day == 8), "enter_long"] = 1\n'),
        ('        dataframe.loc[down, "enter_short"] = 1\n', ""),
    )

    outcome = validate(forge, source)

    assert outcome.verdict is Verdict.ACCEPTED
    assert 0 < outcome.signals["enter_long"] < 30


def test_what_a_candle_costs_is_measured(forge):
    assert 0 < validate(forge, right()).microseconds_per_candle < 100_000


def test_a_callback_that_reads_later_candles_is_found(forge):
    source = with_method(
        "def confirm_trade_entry(self, pair, current_time, **kwargs):",
        "    candles = self.seen[pair]",
        '    later = candles.loc[candles["date"] > current_time, "close"].head(12)',
        '    now = candles.loc[candles["date"] <= current_time, "close"].iloc[-1]',
        "    return bool(later.empty or later.max() > now * 1.01)",
    ).replace(
        b'        dataframe["fast"] =',
        b'        self.seen = getattr(self, "seen", {}) | {metadata["pair"]: dataframe.copy()}\n        dataframe["fast"] =',
    )

    outcome = validate(forge, source)

    assert outcome.verdict is Verdict.REJECTED
    (found,) = [found for found in outcome.findings if found.code == "LOOKAHEAD"]
    assert "entry" in found.message


def test_an_exit_that_knows_later_candles_is_found(forge):
    source = with_method(
        f"def custom_exit({SIGNATURE}):",
        "    candles = self.seen[pair]",
        '    later = candles.loc[candles["date"] > current_time, "close"].head(6)',
        '    return "knows" if len(later) > 2 and later.min() < current_rate * 0.99 else None',
    ).replace(
        b'        dataframe["fast"] =',
        b'        self.seen = getattr(self, "seen", {}) | {metadata["pair"]: dataframe.copy()}\n        dataframe["fast"] =',
    )

    assert "LOOKAHEAD" in codes(validate(forge, source))


CAUSAL = {
    "more bought and some sold": (
        ("minimal_roi", "position_adjustment_enable = True\n    minimal_roi"),
        "def adjust_trade_position(self, trade, current_profit, min_stake, max_stake, **kwargs):",
        "    if current_profit > 0.02 and trade.nr_of_successful_exits == 0:",
        "        return -(trade.stake_amount / 2)",
        "    return min_stake * 2 if current_profit < -0.01 and trade.nr_of_successful_entries < 3 else None",
    ),
    "limit orders that wait": (
        ("minimal_roi", "unfilledtimeout = {'entry': 300, 'exit': 300, 'unit': 'minutes'}\n    minimal_roi"),
        "def custom_entry_price(self, pair, proposed_rate, side, **kwargs):",
        "    return proposed_rate * (0.998 if side == 'long' else 1.002)",
    ),
    "stop from analysed candles": (
        ("minimal_roi", "use_custom_stoploss = True\n    minimal_roi"),
        "def custom_stoploss(self, pair, trade, current_time, current_rate, current_profit, after_fill, **kwargs):",
        "    candles, _ = self.dp.get_analyzed_dataframe(pair, self.timeframe)",
        "    return -0.01 if candles.iloc[-1]['fast'] > candles.iloc[-1]['slow'] else -0.03",
    ),
}


@pytest.mark.parametrize("case", CAUSAL, ids=str)
def test_callbacks_that_look_back_only_are_accepted(forge, case):
    change, *lines = CAUSAL[case]
    method = "\n" + "".join(f"    {line}\n" for line in lines)

    outcome = validate(forge, changed(change) + method.encode())

    assert (outcome.verdict, codes(outcome)) == (Verdict.ACCEPTED, [])


def test_an_exit_price_that_depends_on_funding_is_no_knowledge_of_the_future(forge):
    """A trade that reaches its target as funding falls due: what was paid is known then, its candle ends later."""
    conditions = Conditions(dataset="synthetic", timerange="20250215-20250222", stake_amount=100.0)
    source = render(read_blueprint({**draw(681), "timeframe": "15m"}), "Drawn").encode()

    outcome = validate(forge, source, name="Drawn", conditions=conditions)

    assert outcome.verdict is Verdict.ACCEPTED


ENCODINGS = {
    "Latin-1 in a comment": ("# Stratégie\n".encode("latin-1"), Verdict.REJECTED),
    "Latin-1, said so": ("# -*- coding: latin-1 -*-\n# Stratégie\n".encode("latin-1"), Verdict.REJECTED),
    "ASCII, said to be Latin-1": (b"# -*- coding: iso-8859-15 -*-\n", Verdict.ACCEPTED),
    "UTF-8 with a mark and a cookie": (
        "\ufeff# vim: set fileencoding=utf-8 :\n# Stratégie\n".encode(),
        Verdict.ACCEPTED,
    ),
    "a cookie in the second line": (b"#!/usr/bin/env python\n# coding: utf_7\n", Verdict.UNSAFE),
    "a cookie where Python minds none": (b"import math\n# coding: utf_7\n", Verdict.ACCEPTED),
    "escapes in comments": (b"# coding: unicode_escape\n", Verdict.UNSAFE),
}


@pytest.mark.parametrize("case", ENCODINGS, ids=str)
def test_an_encoding_is_unsafe_only_where_it_could_hide_code(forge, case):
    head, verdict = ENCODINGS[case]

    assert validate(forge, head + right()).verdict is verdict


def test_a_biased_column_that_nothing_depends_on_is_advice(forge):
    outcome = validate(forge, in_indicators('dataframe["mean"] = dataframe["close"].mean()'))

    assert (outcome.verdict, codes(outcome)) == (Verdict.ACCEPTED, ["LOOKAHEAD_UNUSED"])


def test_informative_candles_merged_as_freqtrade_teaches_are_accepted(forge):
    source = b"from freqtrade.strategy import merge_informative_pair\n" + in_indicators(
        'four = self.dp.get_pair_dataframe(metadata["pair"], "4h")',
        'four["ema"] = ta.EMA(four, timeperiod=10)',
        'dataframe = merge_informative_pair(dataframe, four, self.timeframe, "4h", ffill=True)',
    ).replace(
        b"        dataframe.loc[up,",
        b'        up = up & (dataframe["close"] > dataframe["ema_4h"])\n        dataframe.loc[up,',
    )

    assert validate(forge, source).verdict is Verdict.ACCEPTED


def test_a_startup_that_is_too_short_is_advice(forge):
    outcome = validate(forge, changed(("startup_candle_count = 120", "startup_candle_count = 10")))

    assert (outcome.verdict, codes(outcome)) == (Verdict.ACCEPTED, ["STARTUP_SHORT"])
    assert "With 10 candles before it, slow differ by more than 1 %; with " in outcome.findings[0].message


def test_values_that_no_startup_settles_are_told_as_such(forge):
    outcome = validate(forge, in_indicators('dataframe["sum"] = dataframe["volume"].cumsum()'))

    assert (outcome.verdict, codes(outcome)) == (Verdict.ACCEPTED, ["STARTUP_SHORT"])
    assert "never settle" in outcome.findings[0].message


def test_shorts_without_can_short_beside_longs_are_advice(forge):
    outcome = validate(forge, changed(("can_short = True", "can_short = False")))

    assert (outcome.verdict, codes(outcome)) == (Verdict.ACCEPTED, ["SHORTS_DROPPED"])


def test_a_flag_that_is_a_text_is_no_fault_of_the_forge(forge):
    assert validate(forge, changed(("can_short = True", 'can_short = "True"'))).verdict is Verdict.ACCEPTED


def test_the_line_of_a_failing_callback_is_named(forge):
    source = with_method(f"def custom_exit({SIGNATURE}):", '    raise KeyError("boom")')

    (found,) = [found for found in validate(forge, source).findings if found.code == "CALLBACK_FAILED"]

    assert found.line == source.count(b"\n")
    assert "custom_exit" in found.message


def test_a_strategy_whose_every_callback_raises_is_rejected_with_what_they_raise(forge):
    names = ("bot_start", "custom_stake_amount", "leverage", "confirm_trade_entry", "custom_exit", "confirm_trade_exit")
    methods = [line for name in names for line in (f"def {name}(self, **kwargs):", f'    raise KeyError("{name}")')]

    outcome = validate(forge, with_method(*methods))

    assert outcome.verdict is Verdict.REJECTED
    assert any(name in found.message for found in outcome.findings for name in names)
    assert validate(forge, right()).verdict is Verdict.ACCEPTED


def test_parameters_beside_the_strategy_are_used(forge):
    parameters = '{"strategy_name": "SampleStrategy", "params": {"stoploss": {"stoploss": 0.5}}, "ft_stratparam_v": 1}'

    assert codes(validate(forge, right(), parameters=parameters)) == ["STOPLOSS"]


def test_a_name_that_is_no_class_name_is_refused(forge):
    from cfsm.application.ports import Misconfigured

    with pytest.raises(Misconfigured, match="no name of a class"):
        validate(forge, right(), name="../../etc/passwd")
