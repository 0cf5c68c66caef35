"""Runs strategies through Freqtrade itself, offline; a program of its own, so that no test imports a strategy.

Its one argument is a JSON file: the dataset's folder, markets, pairs, timerange, and the strategies (name, source). It
prints one JSON document: what each strategy did in a backtest, and how its columns stand up to cut candles.
"""

import json
import logging
import sys
import warnings
from copy import deepcopy
from pathlib import Path

warnings.filterwarnings("ignore")
sys.dont_write_bytecode = True

from freqtrade.commands.optimize_commands import setup_optimize_configuration  # noqa: E402
from freqtrade.enums import HyperoptState, RunMode  # noqa: E402
from freqtrade.optimize.backtesting import Backtesting  # noqa: E402
from freqtrade.optimize.hyperopt_tools import HyperoptStateContainer  # noqa: E402
from freqtrade.resolvers import ExchangeResolver  # noqa: E402
from freqtrade.strategy import CategoricalParameter  # noqa: E402
from freqtrade.util import dt_ts  # noqa: E402

SIGNALS = ("enter_long", "enter_short", "exit_long", "exit_short")
PRICING = {"price_side": "same", "use_order_book": True, "order_book_top": 1}


class Complaints(logging.Handler):
    """Keeps what freqtrade warns of: it swallows errors of a strategy and only logs them."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.said = []

    def emit(self, record):
        self.said.append(record.getMessage())


def configuration(task, folder):
    written = {
        "dry_run": True,
        "stake_currency": "USDT",
        "stake_amount": "unlimited",
        "dry_run_wallet": 1000,
        "tradable_balance_ratio": 0.99,
        "max_open_trades": 5,
        "trading_mode": "futures",
        "margin_mode": "isolated",
        "enable_protections": True,
        "exchange": {"name": "binance", "key": "", "secret": "", "pair_whitelist": task["pairs"]},
        "pairlists": [{"method": "StaticPairList"}],
        "entry_pricing": PRICING,
        "exit_pricing": PRICING,
        "dataformat_ohlcv": "feather",
    }
    file = folder / "config.json"
    file.write_text(json.dumps(written))
    arguments = {
        "config": [str(file)],
        "timerange": task["timerange"],
        "user_data_dir": str(folder),
        "datadir": task["datadir"],
        "export": "none",
        "strategy": "Any",
        "strategy_path": None,
        "fee": None,
    }
    return setup_optimize_configuration(arguments, RunMode.BACKTEST)


def exchange_of(config, markets):
    exchange = ExchangeResolver.load_exchange(deepcopy(config), validate=False, load_leverage_tiers=True)
    for client in (exchange._api, exchange._api_async):
        client.set_markets(list(markets.values()))
    exchange._markets = exchange._api_async.markets
    exchange._last_markets_refresh = dt_ts()
    return exchange


def backtest(config, exchange, folder, name, source):
    own = folder / name
    own.mkdir()
    (own / f"{name}.py").write_text(source)
    settings = deepcopy(config)
    settings.pop("timeframe", None)
    settings |= {"strategy": name, "strategy_path": str(own)}
    complaints = Complaints()
    logging.getLogger().handlers = [complaints]
    backtesting = Backtesting(settings, exchange=exchange)
    strategy = backtesting.strategylist[0]
    data, timerange = backtesting.load_bt_data()
    backtesting.backtest_one_strategy(strategy, data, timerange)
    trades = backtesting.all_bt_content[name]["results"]
    candles = data[config["exchange"]["pair_whitelist"][0]]
    return {
        "long": int((~trades["is_short"]).sum()),
        "short": int(trades["is_short"].sum()),
        "liquidations": int((trades["exit_reason"] == "liquidation").sum()),
        "tags": sorted(trades["enter_tag"].unique()),
        "leverages": sorted(trades["leverage"].unique().tolist()),
        "complaints": complaints.said,
        "cut_columns_that_changed": columns_that_change_when_cut(strategy, candles),
        "late_start_signals_that_changed": signals_that_change_with_a_late_start(strategy, candles),
        "candles_with_two_minds": candles_with_two_minds(strategy, candles),
        "columns_missing_when_optimized": columns_missing_when_optimized(strategy, candles),
    }


def analysed(strategy, candles):
    metadata = {"pair": "BTC/USDT:USDT"}
    frame = strategy.advise_indicators(candles[["date", "open", "high", "low", "close", "volume"]].copy(), metadata)
    frame = strategy.advise_exit(strategy.advise_entry(frame, metadata), metadata)
    for name in SIGNALS:
        frame[name] = frame[name].fillna(0) if name in frame else 0
    return frame


def columns_that_change_when_cut(strategy, candles):
    """Cut the future off at several places: what came before must stay as it is, to the last bit."""
    whole = analysed(strategy, candles)
    changed = set()
    for cut in (len(candles) // 3, len(candles) // 2, len(candles) - 7, len(candles) - 1):
        part = analysed(strategy, candles.iloc[:cut])
        assert set(part.columns) == set(whole.columns)
        changed |= {name for name in part.columns if not part[name].equals(whole[name].iloc[:cut])}
    return sorted(changed)


def signals_that_change_with_a_late_start(strategy, candles):
    """Start as late as ``startup_candle_count`` allows: the signals after it must be the same."""
    kept = len(candles) // 2
    late = analysed(strategy, candles.iloc[kept - strategy.startup_candle_count :].reset_index(drop=True))
    whole = analysed(strategy, candles)
    after = late.iloc[strategy.startup_candle_count :]
    return sum(int((after[name].to_numpy() != whole[name].iloc[kept:].to_numpy()).sum()) for name in SIGNALS)


def candles_with_two_minds(strategy, candles):
    """Count candles on which freqtrade would ignore an entry: both ways, or in and out at once."""
    frame = analysed(strategy, candles)
    both = (frame["enter_long"] == 1) & (frame["enter_short"] == 1)
    long = (frame["enter_long"] == 1) & (frame["exit_long"] == 1)
    short = (frame["enter_short"] == 1) & (frame["exit_short"] == 1)
    return int((both | long | short | (frame["volume"] <= 0) & (frame["enter_long"] == 1)).sum())


def columns_missing_when_optimized(strategy, candles):
    """An optimizer computes the indicators once, for every choice of every period."""
    periods = {
        name: parameter
        for name, parameter in strategy.enumerate_parameters()
        if isinstance(parameter, CategoricalParameter)
    }
    for parameter in periods.values():
        parameter.in_space = True
    HyperoptStateContainer.set_state(HyperoptState.INDICATORS)
    frame = strategy.advise_indicators(candles.iloc[:200].copy(), {"pair": "BTC/USDT:USDT"})
    return sorted(
        f"{name} {choice}"
        for name, parameter in periods.items()
        for choice in parameter.range
        if not any(column.endswith(f"_{choice}") for column in frame.columns)
    )


def main():
    task_file = Path(sys.argv[1])
    task = json.loads(task_file.read_text())
    folder = task_file.parent
    config = configuration(task, folder)
    exchange = exchange_of(config, task["markets"])
    done = {name: backtest(config, exchange, folder, name, source) for name, source in task["strategies"].items()}
    sys.stdout.write(json.dumps(done))


main()
