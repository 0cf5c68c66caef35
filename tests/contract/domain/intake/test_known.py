"""What the intake believes of Freqtrade, TA-Lib and qtpylib, held against what is installed."""

import importlib
import inspect
import re
import warnings

import pytest
import talib
import talib.abstract
from freqtrade.constants import REQUIRED_ORDERTIF, REQUIRED_ORDERTYPES
from freqtrade.persistence import LocalTrade
from freqtrade.resolvers import StrategyResolver
from freqtrade.strategy import IStrategy
from technical import qtpylib

from cfsm.domain.intake import known
from cfsm.domain.intake.talib_table import TALIB

LEFT_OUT = {"SAREXT"}


def test_the_table_of_indicators_is_talibs_own():
    assert set(TALIB) == set(talib.get_functions()) - LEFT_OUT
    for name, indicator in TALIB.items():
        facts = talib.abstract.Function(name).info
        settings = {key: isinstance(value, int) for key, value in facts["parameters"].items()}
        assert dict(indicator.settings) == settings, name
        assert indicator.outputs == tuple(facts["output_names"]), name
        assert not indicator.takes_price or isinstance(facts["input_names"].get("price"), str), name


@pytest.mark.parametrize("name", known.CALLBACKS)
def test_callbacks_take_what_freqtrade_passes(name):
    parameters = inspect.signature(getattr(IStrategy, name)).parameters

    assert ("self", *known.CALLBACKS[name], "kwargs") == tuple(parameters)


def test_what_every_strategy_has_is_known():
    annotated = {name for parent in IStrategy.__mro__ for name in getattr(parent, "__annotations__", {})}
    public = {name for name in {*dir(IStrategy), *annotated} if not name.startswith("_")}
    configured = set(re.findall(r'^\s+\("(\w+)", ', inspect.getsource(StrategyResolver.load_strategy), re.MULTILINE))

    assert {"stake_amount", "timeframe"} <= configured
    assert public | configured | {"config"} <= known.STRATEGY_ATTRIBUTES


@pytest.mark.parametrize("line", sorted(set(known.IMPORTS.values())))
def test_every_known_import_works(line):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas_ta's own, about pandas
        exec(line, {})


@pytest.mark.parametrize("module", sorted(known.FREQTRADE_MODULES))
def test_every_known_module_of_freqtrade_exists(module):
    importlib.import_module(module)


def test_what_freqtrade_strategy_exports_is_known():
    import freqtrade.strategy

    for name in known.STRATEGY_EXPORTS:
        assert hasattr(freqtrade.strategy, name), name
    assert {name for name in vars(freqtrade.strategy) if name[0].isupper()} <= known.STRATEGY_EXPORTS


def test_qtpylib_has_its_functions():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in {*known.QTPYLIB, *known.QTPYLIB_ALIASES.values()}:
            assert callable(getattr(qtpylib, name)), name


def test_trades_have_the_attributes_that_others_are_replaced_by():
    for wrong, right in known.TRADE_ATTRIBUTES.items():
        assert not hasattr(LocalTrade, wrong), wrong
        assert hasattr(LocalTrade, right) or right in LocalTrade.__annotations__, right


def test_order_settings_have_every_key_that_freqtrade_requires():
    assert set(known.ORDER_DEFAULTS["order_types"]) == set(REQUIRED_ORDERTYPES)
    assert set(known.ORDER_DEFAULTS["order_time_in_force"]) == set(REQUIRED_ORDERTIF)


def test_names_of_old_are_gone_and_those_of_today_are_there():
    for old, new in known.OLD_METHODS.items():
        assert hasattr(IStrategy, new), new
        assert old != new
    for new in known.OLD_ATTRIBUTES.values():
        assert new in IStrategy.__annotations__ or hasattr(IStrategy, new), new
