"""A last look at a backtest that has run: does the past of the very candles that it traded on hang on their future?

A validation looks at a part of the history. A strategy that behaves as long as the history is short is found here, on
the pair with most entries, whose history is cut once, late.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from cfsm.adapters.freqtrade.causality import Causality
from cfsm.domain.evaluation import Finding

_CUT = 0.75
"""At which of the entries the history ends."""


class LastLook:
    """Keeps what a strategy made of each pair, and looks at one of them again."""

    def __init__(self, strategy: Any) -> None:
        self._analysed: dict[str, pd.DataFrame] = {}
        strategy.ft_advise_signals = self._keeping(strategy.ft_advise_signals)

    def findings(self, data: Mapping[str, pd.DataFrame], causality: Causality, startup: int) -> list[Finding]:
        """Give what the future changes in the past of these candles, which were traded on."""
        entries = self.entries(startup)
        busiest = max(entries, key=lambda pair: len(entries[pair]), default="")
        if not busiest or not len(entries[busiest]):
            return []
        cut = entries[busiest][int(len(entries[busiest]) * _CUT)]
        return causality.findings_of_whole(busiest, data[busiest], self._analysed[busiest], cut)

    def entries(self, startup: int) -> dict[str, list[int]]:
        """Give the rows of each pair that have an entry signal, a past and a future."""
        return {pair: _entries(frame, startup) for pair, frame in self._analysed.items()}

    def _keeping(self, advise: Callable[..., pd.DataFrame]) -> Callable[..., pd.DataFrame]:
        def ft_advise_signals(dataframe: pd.DataFrame, metadata: Mapping[str, Any]) -> pd.DataFrame:
            analysed = advise(dataframe, metadata)
            self._analysed[str(metadata.get("pair"))] = analysed
            return analysed

        return ft_advise_signals


def _entries(analysed: pd.DataFrame, startup: int) -> list[int]:
    true = np.zeros(len(analysed), dtype=bool)
    for name in ("enter_long", "enter_short"):
        if name in analysed.columns:
            true |= (analysed[name] == 1).to_numpy()
    rows = np.flatnonzero(true)
    given: list[int] = rows[(rows >= startup) & (rows < len(analysed) - 1)].tolist()
    return given
