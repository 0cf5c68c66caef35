"""Freqtrade's own backtesting, told apart only by whom it tells of its progress."""

import time
from collections.abc import Callable

from freqtrade.constants import Config
from freqtrade.enums import BacktestState
from freqtrade.exchange import Exchange
from freqtrade.optimize.backtesting import Backtesting

from cfsm.domain.evaluation import STAGE_PERCENT, Stage

Tell = Callable[[Stage, float, str], None]
"""Hears of progress: stage, percent of the whole run, words."""

_STAGES = {
    BacktestState.DATALOAD: Stage.LOADING_DATA,
    BacktestState.ANALYZE: Stage.ANALYZING,
    BacktestState.CONVERT: Stage.ANALYZING,
    BacktestState.BACKTEST: Stage.BACKTESTING,
}
_NEXT = {
    Stage.LOADING_DATA: Stage.ANALYZING,
    Stage.ANALYZING: Stage.BACKTESTING,
    Stage.BACKTESTING: Stage.GENERATING_REPORT,
}
_SECONDS_BETWEEN_WORDS = 0.2


class StageClock:
    """Tells of stages and of progress inside them, not too often, and knows how long each took."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._stage = Stage.LOADING_DATA
        self._entered = self._told = time.monotonic()
        self._done = 0.0
        self._total = 0.0
        self.seconds: dict[str, float] = {}

    def enter(self, stage: Stage, total: float) -> None:
        """Enter a stage, or a further part of the same, of so many steps; there is no way back to an earlier one."""
        now = time.monotonic()
        stage = max(stage, self._stage, key=list(Stage).index)
        if stage is not self._stage:
            self.leave()
            self._stage, self._entered = stage, now
        self._done, self._total = 0.0, total
        self._say(now)

    def advance(self, steps: float) -> None:
        """Count steps."""
        self._done += steps
        now = time.monotonic()
        if now - self._told >= _SECONDS_BETWEEN_WORDS:
            self._say(now)

    def leave(self) -> None:
        """Close the account of the stage that is under way."""
        spent = time.monotonic() - self._entered
        self.seconds[self._stage.value] = round(self.seconds.get(self._stage.value, 0.0) + spent, 4)

    def _say(self, now: float) -> None:
        self._told = now
        start = STAGE_PERCENT[self._stage]
        end = STAGE_PERCENT[_NEXT.get(self._stage, Stage.COMPLETED)]
        share = min(1.0, self._done / self._total) if self._total else 0.0
        words = f"{self._done:.0f} of {self._total:.0f}" if self._total else ""
        self._tell(self._stage, start + (end - start) * share, words)


class StockBacktesting(Backtesting):  # type: ignore[misc]  # Freqtrade is not typed here
    """The loop as Freqtrade has it. What only its reports need is not collected."""

    def __init__(self, config: Config, exchange: Exchange, clock: StageClock) -> None:
        self._clock = clock
        super().__init__(config, exchange)

    def init_backtest(self) -> None:
        """Prepare as Freqtrade does, without bars on a terminal and without captures of the wallet."""
        super().init_backtest()
        self.progress = None
        self._is_backtest_runmode = False  # read only where captures and rejected signals are collected

    def _set_progress_step(self, action: BacktestState, total: float) -> None:
        self._clock.enter(_STAGES[action], total)

    def _increment_progress(self, advance: float = 1) -> None:
        self._clock.advance(advance)
