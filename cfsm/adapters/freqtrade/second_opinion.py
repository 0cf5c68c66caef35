"""Freqtrade's own lookahead-analysis and recursive-analysis, asked about strategies that come far.

They take their time, now and then they fail or see a bias where none is; so what they say is advice, told with its
evidence. That a strategy knows the future is decided by a closer look of our own, which is made here too.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from freqtrade.constants import Config
from freqtrade.optimize.analysis.lookahead import LookaheadAnalysis
from freqtrade.optimize.analysis.lookahead_helpers import LookaheadAnalysisSubFunctions
from freqtrade.optimize.analysis.recursive import RecursiveAnalysis

from cfsm.adapters.freqtrade.backtesting import StageClock
from cfsm.adapters.freqtrade.findings import finding
from cfsm.adapters.freqtrade.strategy_errors import describe
from cfsm.adapters.freqtrade.workshop import Prepared
from cfsm.domain.evaluation import Finding, Stage

_FEWEST_TRADES, _TRADES = 5, 20
_VARIANCE = 0.01


class SecondOpinion:
    """Asks about the strategy of a configuration; ``startup`` is what the strategy asks for."""

    def __init__(self, config: Callable[[], Config], prepared: Prepared, pairs: Sequence[str], startup: int) -> None:
        self._config = config
        self._prepared = prepared
        self._pairs = list(pairs)
        self._startup = startup

    def of_lookahead(self, clock: StageClock) -> Iterator[Finding]:
        """Give what Freqtrade finds where history ends with each of some trades."""
        config = self._config() | {
            "pairs": self._pairs,
            "minimum_trade_amount": _FEWEST_TRADES,
            "targeted_trade_amount": _TRADES,
        }
        LookaheadAnalysisSubFunctions.calculate_config_overrides(config)
        analysis = LookaheadAnalysis(config, {"name": config["strategy"]})
        yield from self._ask("lookahead-analysis", "LOOKAHEAD_ANALYSIS", analysis, clock)
        seen = analysis.current_analysis
        if seen.false_entry_signals or seen.false_exit_signals or seen.false_indicators:
            named = ", ".join(sorted(map(str, seen.false_indicators))[:5]) or "none"
            words = (
                f"Freqtrade's lookahead-analysis: of {seen.total_signals} trades {seen.false_entry_signals} entries "
                f"and {seen.false_exit_signals} exits are biased; indicators: {named}"
            )
            yield finding("LOOKAHEAD_ANALYSIS", words)

    def of_startup(self, clock: StageClock) -> Iterator[Finding]:
        """Give what Freqtrade finds where fewer candles stand before the last one."""
        if self._startup < 1:
            return
        longer = [self._startup, 2 * self._startup, 4 * self._startup]
        config = self._config() | {"pairs": self._pairs[:1], "startup_candle": longer}
        analysis = RecursiveAnalysis(config, {"name": config["strategy"]})
        yield from self._ask("recursive-analysis", "RECURSIVE_ANALYSIS", analysis, clock)
        varying = {
            str(name): by_startup[self._startup]
            for name, by_startup in analysis.dict_recursive.items()
            if not abs(by_startup.get(self._startup, 0.0)) <= _VARIANCE  # what has no value varies too
        }
        if varying:
            told = ", ".join(f"{name} {variance:+.1%}" for name, variance in list(varying.items())[:5])
            words = f"Freqtrade's recursive-analysis: with {self._startup} startup candles differ {told}"
            yield finding("RECURSIVE_ANALYSIS", words)

    def _ask(self, name: str, code: str, analysis: Any, clock: StageClock) -> Iterator[Finding]:
        analysis.exchange = self._prepared.exchange
        try:
            analysis.start(_Steps(clock))
        except Exception as error:  # noqa: BLE001 (it fails on strategies that it does not foresee)
            yield finding(code, f"Freqtrade's {name} could not be made: {describe(error)}")


class _Steps:
    """Stands where Freqtrade draws a bar."""

    def __init__(self, clock: StageClock) -> None:
        self._clock = clock

    def add_task(self, description: str, total: float) -> None:
        """Hear how many steps there are."""
        del description
        self._clock.enter(Stage.BACKTESTING, total)

    def update(self, task: None, *, advance: float = 0, description: str = "") -> None:
        """Hear of steps."""
        del task, description
        if advance:
            self._clock.advance(advance)
