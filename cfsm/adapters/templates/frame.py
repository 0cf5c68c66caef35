"""The frame that every predefined strategy stands in: what is written once for all families."""

from string import Template

from cfsm.adapters.templates.family import Draft, Family, Risk

_FRAME = Template('''\
"""A predefined strategy of CFSM; no model wrote it."""

from datetime import datetime
from typing import Any

import talib.abstract as ta
from freqtrade.strategy import $imports
from pandas import DataFrame
from technical import qtpylib


class $name(IStrategy):
    """$idea

    Predefined family $family, drawn from seed $seed.
    """

    INTERFACE_VERSION = 3
    can_short = True
    timeframe = "$timeframe"
    startup_candle_count = $startup_candles
    process_only_new_candles = True
    use_exit_signal = True

    # Of the stake: at leverage $leverage the stop is $stop_percent % of price away.
    leverage_cap = $leverage
    minimal_roi = {
$roi
    }
    stoploss = -$stoploss
$trailing
$settings

    @property
    def protections(self) -> list[dict[str, Any]]:
        """Pause a pair after a trade, and all of them after a run of stops."""
        return [
            {"method": "CooldownPeriod", "stop_duration_candles": $cooldown_candles},
            {
                "method": "StoplossGuard",
                "lookback_period_candles": 48,
                "trade_limit": 4,
                "stop_duration_candles": 12,
                "only_per_pair": False,
            },
        ]

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Add the columns that the signals are read from; each looks back only."""
$indicators
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Mark entries, never long and short on one candle, never on a candle without trades."""
$entry
        traded = dataframe["volume"] > 0
        dataframe[["enter_long", "enter_short", "enter_tag"]] = (0, 0, "")
        dataframe.loc[traded & long & ~short, ["enter_long", "enter_tag"]] = (1, "${family}_long")
        dataframe.loc[traded & short & ~long, ["enter_short", "enter_tag"]] = (1, "${family}_short")
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Mark exits, never on a candle that enters the same way."""
$exit
        traded = dataframe["volume"] > 0
        leave_long &= traded & (dataframe["enter_long"] != 1)
        leave_short &= traded & (dataframe["enter_short"] != 1)
        dataframe.loc[leave_long, ["exit_long", "exit_tag"]] = (1, "${family}_long_over")
        dataframe.loc[leave_short, ["exit_short", "exit_tag"]] = (1, "${family}_short_over")
        return dataframe

    def leverage(
        self,
        pair: str,
        current_time: datetime,
        current_rate: float,
        proposed_leverage: float,
        max_leverage: float,
        entry_tag: str | None,
        side: str,
        **kwargs: Any,
    ) -> float:
        """Trade at the leverage that stop and gains were set for, or less where the market allows less."""
        return min(self.leverage_cap, max_leverage)
''')

_TRAILING = Template("""\
    trailing_stop = True
    trailing_stop_positive = $distance
    trailing_stop_positive_offset = $offset
    trailing_only_offset_is_reached = True
""")

_PARAMETER_CLASSES = ("CategoricalParameter", "DecimalParameter", "IntParameter")


def fill(family: Family, draft: Draft, name: str, seed: int) -> str:
    """Give the strategy's source."""
    pieces = {
        piece: Template(text.strip("\n")).substitute(draft.values)
        for piece, text in (
            ("settings", family.settings),
            ("indicators", family.indicators),
            ("entry", family.entry),
            ("exit", family.exit),
        )
    }
    used = [each for each in _PARAMETER_CLASSES if each in pieces["settings"]]
    return _FRAME.substitute(
        **pieces,
        imports=", ".join([*used, "IStrategy"]),
        name=name,
        idea=family.idea,
        family=family.name,
        seed=seed,
        timeframe=draft.timeframe,
        startup_candles=draft.startup_candles,
        cooldown_candles=draft.cooldown_candles,
        leverage=draft.risk.leverage,
        stop_percent=draft.risk.stop_percent,
        stoploss=_of_stake(draft.risk, draft.risk.stop_percent),
        roi=_roi(draft.risk),
        trailing=_trailing(draft.risk),
    )


def risk_attributes(risk: Risk) -> dict[str, object]:
    """Give the class attributes that end a trade, as Freqtrade counts them: shares of the stake, with leverage."""
    attributes: dict[str, object] = {
        "leverage_cap": risk.leverage,
        "stoploss": -_of_stake(risk, risk.stop_percent),
        "minimal_roi": {str(at): _of_stake(risk, percent) for at, percent in risk.roi_percent.items()},
    }
    if risk.trailing:
        attributes |= {
            "trailing_stop_positive": _of_stake(risk, risk.trailing.distance_percent),
            "trailing_stop_positive_offset": _of_stake(risk, risk.trailing.offset_percent),
        }
    return attributes


def _of_stake(risk: Risk, percent: float) -> float:
    return round(percent / 100 * risk.leverage, 4)


def _roi(risk: Risk) -> str:
    return "\n".join(f'        "{at}": {_of_stake(risk, percent)},' for at, percent in risk.roi_percent.items())


def _trailing(risk: Risk) -> str:
    if not risk.trailing:
        return ""
    return _TRAILING.substitute(
        distance=_of_stake(risk, risk.trailing.distance_percent),
        offset=_of_stake(risk, risk.trailing.offset_percent),
    )
