"""Freqtrade's own loop and the fast one, side by side in this process, for strategies that the tests wrote themselves."""

import math
from contextlib import nullcontext
from copy import deepcopy

from freqtrade.persistence import LocalTrade

from cfsm.adapters.freqtrade.backtesting import StageClock
from cfsm.adapters.freqtrade.fast_backtesting import make_backtesting
from cfsm.adapters.freqtrade.quick_parts import installed
from cfsm.adapters.freqtrade.workshop import Workshop

COUNTERS = (
    "rejected_trades",
    "timedout_entry_orders",
    "timedout_exit_orders",
    "canceled_trade_entries",
    "canceled_entry_orders",
    "canceled_exit_orders",
    "replaced_entry_orders",
    "replaced_exit_orders",
)


class Engines:
    """Runs jobs in both loops."""

    def __init__(self, datasets, scratch):
        self._workshop = Workshop(datasets, scratch)
        self._scratch = scratch

    def both(self, job):
        """What the two loops make of a job: trades with all their columns, liquidation prices, counters."""
        list(self._workshop.prepare(job, lambda *_: None))
        folder = self._scratch / f"strategy-{job.run_id}"
        folder.mkdir()
        (folder / f"{job.strategy_name}.py").write_bytes(job.source)
        return self._run(job, folder, stock=True), self._run(job, folder, stock=False)

    def _run(self, job, folder, *, stock):
        prepared = self._workshop.prepared(job)
        prepared.candles.serve()
        config = deepcopy(prepared.config) | {"strategy": job.strategy_name, "strategy_path": str(folder)}
        with nullcontext() if stock else installed(prepared.exchange):
            clock = StageClock(lambda *_: None)
            backtesting = make_backtesting(config, prepared.exchange, clock, stock=stock)
            data, timerange = backtesting.load_bt_data()
            backtesting.backtest_one_strategy(backtesting.strategylist[0], data, timerange)
        trades = backtesting.all_bt_content[job.strategy_name]["results"].astype(object).to_dict("records")
        return {
            "trades": [{name: _comparable(value) for name, value in trade.items()} for trade in trades],
            "liquidation": [trade.liquidation_price for trade in LocalTrade.bt_trades],
            "counters": {name: getattr(backtesting, name) for name in COUNTERS},
            "skips": not stock and not backtesting._stock_reasons,
        }


def _comparable(value):
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def first_difference(one, other):
    """Words about the first difference between two runs; empty where there is none."""
    for number, (left, right) in enumerate(zip(one["trades"], other["trades"], strict=False)):
        for name in left:
            if left[name] != right[name]:
                return f"trade {number} ({left['pair']}, {left['open_date']}): {name} {left[name]} is {right[name]}"
    if len(one["trades"]) != len(other["trades"]):
        return f"{len(one['trades'])} trades are {len(other['trades'])}"
    if one["liquidation"] != other["liquidation"]:
        return "liquidation prices differ"
    return "" if one["counters"] == other["counters"] else f"{one['counters']} are {other['counters']}"
