import pytest

from cfsm.adapters.blueprint.trees import plain
from cfsm.domain.blueprint.checking import Scope
from cfsm.domain.blueprint.language import ExpressionError, parse


def same(left, right):
    """Both expressions mean the same, wherever their words stand."""
    known = Scope({})
    return plain(known.check(parse(left)).node) == plain(known.check(parse(right)).node)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("RSI(14) < 30 AND Close > EMA(close, 50)", "(rsi(close, 14) < 30) and (close > ema(close, 50))"),
        ("rsi < 30", "rsi(close, 14) < 30"),
        ("close > open && volume > 0 || low < 1", "(close > open and volume > 0) or low < 1"),
        ("not close > open and high > 1", "(not (close > open)) and high > 1"),
        ("20 < rsi < 80", "20 < rsi and rsi < 80"),
        ("close crosses above ema(20)", "crossed_above(close, ema(close, 20))"),
        ("rsi crossed_below 30", "crossed_below(rsi, 30)"),
        ("close crossed over sma", "crossed_above(close, sma(20))"),
        ("crosses_above(close, sma)", "crossed_above(close, sma(20))"),
        ("close = open", "close == open"),
        ("close - open * 2 > 0", "(close - (open * 2)) > 0"),
        ("close - open - low > 0", "((close - open) - low) > 0"),
        ("-close < -3", "(-close) < -3"),
        ("bollinger_lower(20, 2) > price", "bb_lower(close, 20, 2.0) > close"),
    ],
)
def test_what_is_meant_is_understood(written, meant):
    assert same(written, meant)


@pytest.mark.parametrize(
    ("written", "column", "message"),
    [
        ("rsi <", 6, "expression ends here"),
        ("rsi( < 3", 6, "expected a value, found '<'"),
        ("close > 3)", 10, "not expected"),
        ("close > 3 open < 2", 11, "join conditions by and, or"),
        ("close[-1] > 3", 7, "looks into the future"),
        ("close[x] > 3", 6, "whole number"),
        ("close[99999] > 3", 6, "whole number"),
        ("close > ema(close, 20", 22, "expected ')'"),
        ("close § 3", 7, "means nothing"),
        ("", 1, "expression ends here"),
        ("(" * 40 + "close", 25, "nested deeper"),
        ("close > " + "1" * 700, 600, "longer than 600"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_column(written, column, message):
    with pytest.raises(ExpressionError, match=message.replace("(", r"\(").replace(")", r"\)")) as caught:
        parse(written)

    assert caught.value.column == column


@pytest.mark.parametrize(
    ("written", "column", "message"),
    [
        ("clse > 3", 1, "did you mean 'close'"),
        ("close > nothing_like_it", 9, "define it among the indicators"),
        ("emma(20) > close", 1, r"did you mean ema\(\)"),
        ("close > ema(close, 20.5)", 20, "whole number"),
        ("close > ema(close, 0)", 20, "lies from 2 to 400, not 0"),
        ("close > ema(close, open)", 9, "takes a value"),
        ("close > ema(close, 20, 30)", 9, "takes a value"),
        ("min(close) > 3", 1, "takes a value, a value"),
        ("3 < 4", 1, "never change"),
        ("level > 4", 1, "never change"),
        ("close and open", 1, "not a condition"),
        ("(close > 3) + 1 > 2", 2, "is a condition"),
        ("close / 0 > 2", 9, "divides by zero"),
        ("ema(close * level, 20) > 3", 1, "a parameter cannot be inside"),
        ("rsi(3) > sma(5, 3)", 10, "takes a value"),
        ("abs(3) > close", 1, "numbers alone"),
        ("level[1] > close", 1, "same number in every candle"),
    ],
)
def test_what_makes_no_sense_is_told_with_its_column(written, column, message):
    with pytest.raises(ExpressionError, match=message) as caught:
        Scope({"level": object()}).check(parse(written))

    assert caught.value.column == column


@pytest.mark.parametrize(
    ("written", "candles"),
    [
        ("close > open", 0),
        ("close > sma(20)", 20),
        ("close > ema(20)", 80),
        ("close > rsi(14)", 98),
        ("close > ema(rsi(14), 9)", 134),
        ("close[3] > sma(20)[5]", 25),
        ("close crosses above sma(20)", 21),
        ("rising(sma(20), 4)", 24),
        ("macd > macd_signal", 183),
        ("abs(close - open) > stoch_d", 20),
    ],
)
def test_the_warm_up_is_the_longest_way_through_the_functions(written, candles):
    assert Scope({}).check(parse(written)).warm_up == candles
