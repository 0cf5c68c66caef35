"""Leaderboard: every strategy's last backtest, judged by every trial that the factory ever made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson

from cfsm.domain.evaluation import Evaluation
from cfsm.domain.generation import Generation
from cfsm.domain.lifecycle import State
from cfsm.domain.log import LogEntry
from cfsm.domain.metrics import LARGEST_SR, ReturnMoments
from cfsm.domain.selection import ProofRules, Standing, TrackRecord, Trials, rank_key, standing
from cfsm.domain.strategy import Strategy
from cfsm.projections.base import Facts, Projection, View, handles
from cfsm.projections.facts import mapping, number, text, text_of, trade_count


@dataclass(slots=True)
class ContenderRow:
    """A strategy and its last backtest; ``backtested_at`` is None before the first."""

    id: str
    place: int
    name: str
    strategy_type: str
    model_used: str
    origin: str
    state: str
    backtested_at: str | None = None
    run_id: str = ""
    timerange: str = ""
    result_hash: str = ""
    figures: str = "{}"


@dataclass(slots=True)
class TrialsRow:
    """The only row of its table: ``Trials`` of all evaluations."""

    id: str
    count: int
    defined: int
    mean: float
    m2: float


class Leaderboard(Projection):
    """Folds backtests into contenders, and every evaluation that ended, and every epoch, into the count of trials."""

    name = "leaderboard"
    version = 2

    def __init__(self) -> None:
        super().__init__()
        self._contenders = self.table("contenders", ContenderRow, ("state",))
        self._trials = self.table("trials", TrialsRow)

    @handles(Strategy.Generated)
    def _generated(self, entry: LogEntry, facts: Facts) -> None:
        self._contenders.put(
            ContenderRow(
                id=entry.originator_id,
                place=entry.id,
                name=facts["name"],
                strategy_type=facts["strategy_type"],
                model_used=facts["model_used"],
                origin=facts["origin"],
                state=State.GENERATED.value,
            )
        )

    @handles(Strategy.Validated, Strategy.Optimized, Strategy.DryRunStarted, Strategy.Retired)
    def _moved(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._contenders.change(entry.originator_id):
            row.state = facts["destination"]

    @handles(Strategy.Backtested)
    def _backtested(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._contenders.change(entry.originator_id):
            row.state, row.backtested_at = facts["destination"], facts["timestamp"]
            row.run_id, row.timerange = facts["run_id"], facts["timerange"]
            row.result_hash, row.figures = facts["result_hash"], text_of(facts["figures"])

    @handles(Evaluation.Completed, Generation.Screened)
    def _completed(self, _: LogEntry, facts: Facts) -> None:
        moments = ReturnMoments.from_figures(facts["figures"])
        self._tried(None if moments is None else moments.sr)

    @handles(Evaluation.EpochsTried)
    def _epochs_tried(self, _: LogEntry, facts: Facts) -> None:
        for epoch in facts["epochs"]:
            if epoch.get("repeats"):
                continue  # it was not evaluated again
            sr = epoch.get("sr")
            self._tried(sr if sr is not None and abs(sr) <= LARGEST_SR else None)

    @handles(Evaluation.Failed)
    def _failed(self, _: LogEntry, __: Facts) -> None:
        self._tried(None)

    def _tried(self, sr: float | None) -> None:
        row = self._trials.change("all")
        if row is None:
            row = TrialsRow("all", 0, 0, 0.0, 0.0)
            self._trials.put(row)
        trials = Trials(row.count, row.defined, row.mean, row.m2).add(sr)
        row.count, row.defined, row.mean, row.m2 = trials.count, trials.defined, trials.mean, trials.m2


@dataclass(frozen=True)
class Contender:
    """One place of the leaderboard.

    Ours are the figures from daily equity; Freqtrade's own are in ``freqtrade``, under its names. ``data_label`` says
    where the candles came from: a result on synthetic ones is to be shown as such. ``part`` says which days the figures
    are from, ``parts`` has every part in short. ``figures`` are all that were kept.
    """

    rank: int
    id: str
    name: str
    strategy_type: str
    model_used: str
    origin: str
    state: str
    standing: Standing
    total_trades: int
    profit_total: float | None
    profit_factor: float | None
    max_drawdown_account: float | None
    winrate: float | None
    expectancy_ratio: float | None
    sharpe_daily: float | None
    sortino_daily: float | None
    calmar: float | None
    timeframe: str
    timerange: str
    backtest_start: str
    backtest_end: str
    dataset: str
    data_label: str
    is_out_of_sample: bool
    part: str
    parts: Mapping[str, Any]
    last_backtest: str
    run_id: str
    result_hash: str
    freqtrade: Mapping[str, Any]
    figures: Mapping[str, Any]

    def as_mapping(self) -> dict[str, Any]:
        """Give plain data, the standing as ``standing``, ``deflated_probability`` and ``doubts``."""
        facts = {name: getattr(self, name) for name in self.__dataclass_fields__}
        doubts = [{"code": doubt.code.value, "detail": doubt.detail} for doubt in self.standing.doubts]
        return facts | {
            "standing": str(self.standing),
            "deflated_probability": self.standing.deflated_probability,
            "doubts": doubts,
        }


class LeaderboardView(View):
    """Answers which strategies are best, and how far that may be luck."""

    projection: ClassVar[type[Projection]] = Leaderboard

    def trials(self) -> Trials:
        """Give the count and spread of all trials."""
        rows = self._source.rows("SELECT count, defined, mean, m2 FROM trials")
        return Trials(*rows[0]) if rows else Trials()

    def top(
        self, limit: int | None = None, rules: ProofRules | None = None, *, include_retired: bool = False
    ) -> list[Contender]:
        """Give the best strategies, proven ones first, each judged by all trials up to now."""
        with self._source.snapshot():
            trials = self.trials()
            rows = self._rows(include_retired=include_retired)
        rules = rules or ProofRules()
        judged = [(row, figures, _judge(figures, trials, rules)) for row, figures in rows]
        judged.sort(key=lambda each: rank_key(each[2], number(each[1], "sharpe_daily"), each[0].name))
        chosen = judged if limit is None else judged[: max(0, limit)]
        return [_contender(rank, *each) for rank, each in enumerate(chosen, start=1)]

    def _rows(self, *, include_retired: bool) -> Sequence[tuple[ContenderRow, Mapping[str, Any]]]:
        columns = ", ".join(ContenderRow.__slots__)
        retired = "" if include_retired else "AND state <> 'Retired'"
        sql = f"SELECT {columns} FROM contenders WHERE backtested_at IS NOT NULL {retired}"
        rows = [ContenderRow(*row) for row in self._source.rows(sql)]
        return [(row, orjson.loads(row.figures)) for row in rows]


def _judge(figures: Mapping[str, Any], trials: Trials, rules: ProofRules) -> Standing:
    record = TrackRecord(
        total_trades=trade_count(figures),
        moments=ReturnMoments.from_figures(figures),
        is_out_of_sample=figures.get("is_out_of_sample") is True,
    )
    return standing(record, trials, rules)


def _contender(rank: int, row: ContenderRow, figures: Mapping[str, Any], verdict: Standing) -> Contender:
    return Contender(
        rank=rank,
        id=row.id,
        name=row.name,
        strategy_type=row.strategy_type,
        model_used=row.model_used,
        origin=row.origin,
        state=row.state,
        standing=verdict,
        total_trades=trade_count(figures),
        profit_total=number(figures, "profit_total"),
        profit_factor=number(figures, "profit_factor"),
        max_drawdown_account=number(figures, "max_drawdown_account"),
        winrate=number(figures, "winrate"),
        expectancy_ratio=number(figures, "expectancy_ratio"),
        sharpe_daily=number(figures, "sharpe_daily"),
        sortino_daily=number(figures, "sortino_daily"),
        calmar=number(figures, "calmar"),
        timeframe=text(figures, "timeframe"),
        timerange=row.timerange,
        backtest_start=text(figures, "backtest_start"),
        backtest_end=text(figures, "backtest_end"),
        dataset=text(figures, "dataset"),
        data_label=text(figures, "data_label"),
        is_out_of_sample=figures.get("is_out_of_sample") is True,
        part=text(figures, "part"),
        parts=mapping(figures, "parts"),
        last_backtest=row.backtested_at or "",
        run_id=row.run_id,
        result_hash=row.result_hash,
        freqtrade=mapping(figures, "freqtrade"),
        figures=figures,
    )
