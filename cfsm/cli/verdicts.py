"""What commands show of a strategy's verdicts: read from the log, with the trades from the blobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import rich_click as click

from cfsm.application.history import Happening, History
from cfsm.application.verdicts import BACKTESTED, RecordedVerdict, stored_trades, verdicts_of
from cfsm.bootstrap import House
from cfsm.domain.equity import EquityCurve, equity_curve
from cfsm.domain.strategy import Strategy
from cfsm.domain.trades import BadTrade, Trade


@dataclass(frozen=True)
class Backtest:
    """A recorded backtest with its trades; the curve is computed from them."""

    verdict: RecordedVerdict
    trades: tuple[Trade, ...]
    curve: EquityCurve

    @property
    def data_label(self) -> str:
        """Where its candles came from."""
        return str(self.verdict.figures.get("data_label", ""))

    def figure(self, name: str) -> Any:
        """Give a recorded figure of ours; None where it was undefined or not known then."""
        return self.verdict.figures.get(name)

    def of_freqtrade(self, name: str) -> Any:
        """Give a recorded figure of Freqtrade's."""
        return self.verdict.figures.get("freqtrade", {}).get(name)


def happenings_of(house: House, strategy_id: str) -> list[Happening]:
    """Give the events of a strategy and of its runs, in order."""
    from cfsm.projections.runs import RunsView

    runs = house.view(RunsView).select(strategy=strategy_id)
    return History(house.factory.store).of([UUID(strategy_id), *(UUID(run.id) for run in runs)])


def recorded_verdicts(house: House, strategy_id: str) -> list[RecordedVerdict]:
    """Give the verdicts on a strategy as the log has them, in order."""
    return verdicts_of(happenings_of(house, strategy_id))


def last_backtest(house: House, happenings: Sequence[Happening]) -> Backtest | None:
    """Give the backtest that the strategy's score is from, or None. Raise BlobMissing or BlobCorrupted."""
    verdict = _headline(happenings)
    return None if verdict is None else backtest_of(house, verdict)


def _headline(happenings: Sequence[Happening]) -> RecordedVerdict | None:
    run_ids = [each.facts["run_id"] for each in happenings if each.topic == Strategy.Backtested.TOPIC]
    last = UUID(run_ids[-1]).hex if run_ids else ""
    verdicts = [each for each in verdicts_of(happenings) if each.verdict == BACKTESTED]
    return next((each for each in reversed(verdicts) if UUID(each.run_id).hex == last), None)


def backtest_of(house: House, verdict: RecordedVerdict) -> Backtest:
    """Give a verdict's backtest with its trades. Raise BlobMissing or BlobCorrupted."""
    try:
        trades = stored_trades(verdict, house.blobs)
        start, end = (datetime.fromisoformat(verdict.figures[side]) for side in ("backtest_start", "backtest_end"))
        curve = equity_curve(trades, verdict.conditions.dry_run_wallet, start, end)
    except (BadTrade, KeyError, ValueError) as error:
        name = verdict.strategy_name
        raise click.ClickException(
            f"the recorded trades of {name} are no trades ({error}): `cfsm audit {name}`"
        ) from error
    return Backtest(verdict, trades, curve)
