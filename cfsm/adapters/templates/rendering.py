"""Rendering: a family's name and a seed in, a whole strategy out; the same in, the same out."""

import keyword
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from cfsm.adapters.templates.breakout import BREAKOUT
from cfsm.adapters.templates.family import Family
from cfsm.adapters.templates.frame import fill, risk_attributes
from cfsm.adapters.templates.mean_reversion import MEAN_REVERSION
from cfsm.adapters.templates.momentum import MOMENTUM
from cfsm.adapters.templates.scalping import SCALPING
from cfsm.adapters.templates.trend import TREND
from cfsm.adapters.templates.volatility import VOLATILITY
from cfsm.application.ports import Misconfigured

FAMILIES: Mapping[str, Family] = {
    family.name: family for family in (VOLATILITY, SCALPING, BREAKOUT, MOMENTUM, MEAN_REVERSION, TREND)
}


@dataclass(slots=True)
class RenderedStrategy:
    """A predefined strategy: its source, and what was drawn for it."""

    name: str
    source: str
    parameters: Mapping[str, object]
    family: str
    timeframe: str
    can_short: bool


def render(family: str, name: str, seed: int) -> RenderedStrategy:
    """Write the strategy of a family that this seed draws; ``name`` becomes the name of its class.

    Raise Misconfigured if there is no such family, ValueError if ``name`` cannot name a class.
    """
    if family not in FAMILIES:
        raise Misconfigured(f"there is no family {family!r} of strategies; there are: {', '.join(FAMILIES)}")
    if not (name.isascii() and name.isidentifier()) or keyword.iskeyword(name):
        raise ValueError(f"{name!r} cannot name a class")
    draft = FAMILIES[family].draw(Random(seed))
    return RenderedStrategy(
        name=name,
        source=fill(FAMILIES[family], draft, name, seed),
        parameters={
            "timeframe": draft.timeframe,
            **draft.values,
            **risk_attributes(draft.risk),
            "startup_candle_count": draft.startup_candles,
            "cooldown_candles": draft.cooldown_candles,
        },
        family=family,
        timeframe=draft.timeframe,
        can_short=True,
    )
