"""What a strategy's text could reach while it trades."""

from types import SimpleNamespace

import pytest

from cfsm.adapters.freqtrade.own_code import reach_of

_LEVERAGE = """\
class Any(IStrategy):
    def populate_indicators(self, dataframe, metadata):
        self.custom_info[metadata["pair"]] = dataframe
        return dataframe

    def leverage(self, pair, current_time, **kwargs):
        {line}
        return 2.0
"""


def is_pure(line):
    return reach_of(SimpleNamespace(__source__=_LEVERAGE.format(line=line)), ["stoploss"]).is_pure


@pytest.mark.parametrize(
    "line", ["pass", "factor = min(3.0, 5.0)", "candles, _ = self.dp.get_analyzed_dataframe(pair, '5m')"]
)
def test_what_keeps_to_itself_is_pure(line):
    assert is_pure(line)


@pytest.mark.parametrize(
    "line",
    [
        "self.asked = current_time",
        "self.order_types['entry'] = 'limit'",
        "del self.asked",
        "self.max_open_trades += 1",
        "self.stoploss = -0.1",
        "self.wallets.update()",
        "Trade.get_trades_proxy()",
        "self.__dict__",
        "setattr(self, 'stoploss', -0.1)",
    ],
)
def test_what_changes_anything_or_looks_at_other_trades_is_not(line):
    assert not is_pure(line)
