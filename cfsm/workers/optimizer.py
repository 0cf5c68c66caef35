"""An optimisation requested -> epochs on the screening days -> compared out of sample -> Optimized, or kept."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

import orjson

from cfsm.application.ports import Blobs, BrokenStrategy, HyperoptEngine, Report, Sampler, accepted
from cfsm.application.tasks import Claim, TaskKind
from cfsm.domain.aggregate import Recorded, Stamp
from cfsm.domain.equity import equity_curve
from cfsm.domain.evaluation import Conditions, Evaluation, Finding, Job, Kind, Limits, Stage, Verdict
from cfsm.domain.hyperopt import Dimension, Epoch, Search, Tried, best_of, key_of, tried
from cfsm.domain.lifecycle import State
from cfsm.domain.optimization import (
    KEPT,
    OPTIMIZED,
    BetterRules,
    Comparison,
    Contestant,
    Order,
    compare,
    parameter_file,
)
from cfsm.domain.strategy import Reason, Strategy
from cfsm.domain.walk_forward import DayRange, Division, Part
from cfsm.workers.backtester import Backtest, Backtests
from cfsm.workers.base import Equipment
from cfsm.workers.evaluating import EvaluationWorker, Run, as_evidence, in_words
from cfsm.workers.side_by_side import SideBySide

ROUND = 20
"""So many epochs are drawn before any of their losses is known. It is the same on every machine, whatever its cores,
so that the same seed tries the same epochs everywhere."""

OpenSearch = Callable[[Sequence[Dimension], int], Sampler]
"""Begins a search of these dimensions from this seed."""

OPTIMIZABLE = frozenset({State.BACKTESTED, State.OPTIMIZED})


@dataclass
class Findings:
    """What an optimisation has come to."""

    order: Order
    figures: dict[str, Any] = field(default_factory=dict)
    backtests: list[Backtest] = field(default_factory=list)
    result_hash: str = ""
    why: str = ""
    findings: Sequence[Finding] = ()
    opinion: Sequence[Finding] = ()
    """What a closer look said of the strategy before the search."""

    parameters: str = ""
    """The hash of the best epoch's parameters; empty where there is none."""
    are_better: bool = False


class OptimizerWorker(EvaluationWorker):
    """Seeks better parameters: what is drawn and decided, here; the strategy's code, in the engine's sandboxes alone.

    Epochs that were tried are kept round by round: an attempt that died is taken up after the last of them.
    """

    name: ClassVar[str] = "optimizer"
    kinds: ClassVar[tuple[TaskKind, ...]] = (TaskKind.OPTIMIZE,)
    kind = Kind.OPTIMIZATION

    def __init__(
        self,
        equipment: Equipment,
        engines: Sequence[HyperoptEngine],
        is_engine_ready: Callable[[], bool],
        blobs: Blobs,
        conditions: Conditions,
        limits: Limits,
        *,
        division: Callable[[], Division],
        data_label: str,
        open_search: OpenSearch,
        rules: BetterRules,
    ) -> None:
        super().__init__(equipment, engines[0], is_engine_ready, blobs, conditions, limits)
        self._hyperopt = engines[0]
        self._trials = SideBySide(engines)
        self._division = division
        self._backtests = Backtests(blobs, data_label)
        self._open_search = open_search
        self._rules = rules

    def handle(self, claim: Claim) -> None:
        """Optimise the strategy and record what came of it."""
        strategy = self.strategy_of(claim)
        if strategy.state not in OPTIMIZABLE:
            self.call_off(claim, strategy)
            return
        order = strategy.optimization_order(int(claim.key.rpartition("/")[2]))
        division = self._division()
        conditions = replace(self._conditions, timerange=division.screening.timerange)
        job = self.begin(claim, strategy, Run(_run_id(claim), conditions, self._parameters_of(strategy)))
        found = Findings(order)
        try:
            self._optimize(claim, strategy, job, division, found)
        except BrokenStrategy as error:
            self.factory.transact(partial(self._broken, claim, job, found, error), claim)
            self.log.warning("broken", EVENT=Strategy.Retired.TOPIC, RUN_ID=job.run_id, findings=str(error))
            return
        self.factory.transact(partial(self._decide, claim, job, found), claim)
        self.log.info(
            "optimized" if found.are_better else "kept as it was",
            EVENT=(Strategy.Optimized if found.are_better else Strategy.KeptAsItWas).TOPIC,
            RUN_ID=job.run_id,
            strategy=strategy.name,
            epochs=found.figures.get("epochs", 0),
            why=found.why,
        )

    def run_ids(self, claim: Claim) -> Iterable[str]:
        """Give the ids of the runs that an optimisation has."""
        return [_run_id(claim), *(_run_id(claim, name) for name in ("baseline", "again", "original", "optimized"))]

    # What is done

    def _optimize(self, claim: Claim, strategy: Strategy, job: Job, division: Division, found: Findings) -> None:
        """Seek, and decide. Raise BrokenStrategy where the strategy as it is cannot be run."""
        self.entered(claim, job, Stage.LOADING_DATA)
        in_sample = next(part for part, days in division.parts() if days == division.screening)
        baseline = self._backtest(claim, strategy, "baseline", in_sample, division.screening, division, job.parameters)
        found.backtests.append(baseline)
        found.figures |= {"order": found.order.as_mapping(), "timerange": division.screening.timerange}
        if division.walk_forward is None:
            found.why = f"there are no days out of sample to compare on: {division.screening.days} days are too few"
            return
        found.opinion = self._second_opinion(claim, strategy, job)
        best = self._best(claim, strategy, job, found)
        if best is None:
            return
        evaluation = self.factory.get(Evaluation, Evaluation.id_of(job.run_id))
        text = parameter_file(strategy.name, best.parameters, evaluation.created_on.isoformat()).decode()
        found.parameters = self._blobs.put(text.encode())
        self.entered(claim, job, Stage.GENERATING_REPORT)
        try:
            again = self._backtest(claim, strategy, "again", Part.SCREENING, division.screening, division, text)
            found.backtests.append(again)
            if again.outcome.result_hash != best.result_hash:
                found.why = "a backtest with the best epoch's parameters gives other trades: it remembers earlier runs"
                return
            comparison = self._compare(claim, strategy, division, job.parameters, text, found)
        except BrokenStrategy as error:
            if any(each.code == "FORGED_RESULT" for each in error.findings):
                raise
            found.why = f"with the best epoch's parameters it cannot be run: {in_words(error.findings)}"
            found.findings = error.findings
            return
        found.why = comparison.in_words()
        found.are_better = comparison.is_better

    def _second_opinion(self, claim: Claim, strategy: Strategy, job: Job) -> Sequence[Finding]:
        """Give what a closer look says of a strategy that has come so far. Raise BrokenStrategy if it ends there."""
        opinion = self._hyperopt.second_opinion(job, self._hear(claim, strategy, "second opinion"))
        if opinion.verdict is not Verdict.ACCEPTED:
            raise BrokenStrategy(*opinion.findings)
        return opinion.findings

    def _best(self, claim: Claim, strategy: Strategy, job: Job, found: Findings) -> Tried | None:
        """Try the epochs and give the best, or None and say why."""
        self.entered(claim, job, Stage.ANALYZING)
        try:
            search = self._hyperopt.spaces(job, found.order.spaces, self._hear(claim, strategy, "spaces"))
        except BrokenStrategy as error:
            found.why = f"its spaces cannot be searched: {in_words(error.findings)}"
            return None
        if not search.dimensions:
            found.why = f"it has no parameters in the spaces {', '.join(found.order.spaces)}"
            return None
        self.entered(claim, job, Stage.BACKTESTING)
        epochs = self._epochs(claim, strategy, job, found.order, search)
        best = best_of(epochs)
        evaluation = self.factory.get(Evaluation, Evaluation.id_of(job.run_id))
        found.figures |= {
            "epochs": len(epochs),
            "epoch_seconds": round(evaluation.epoch_seconds, 3),
            "dimensions": [each.name for each in search.dimensions],
            "is_analysed_once": search.is_analysed_once,
        }
        if best is None:
            found.why = f"none of {len(epochs)} epochs had {self._rules.minimum_trades} trades and a Sharpe ratio"
            return None
        found.result_hash = best.result_hash
        found.figures |= {"best": best.in_short(), "best_parameters": best.parameters}
        return best

    def _epochs(self, claim: Claim, strategy: Strategy, job: Job, order: Order, search: Search) -> list[Tried]:
        """Try epochs until there are as many as ordered, or the time is up; those of earlier attempts count."""
        sampler = self._open_search(search.dimensions, order.seed)
        evaluation = self.factory.get(Evaluation, Evaluation.id_of(job.run_id))
        epochs: list[Tried] = []
        for blob in evaluation.epoch_blobs:
            kept = [Tried(**each) for each in orjson.loads(self._blobs.get(blob))]
            sampler.remember([each.candidate for each in kept], [each.loss for each in kept])
            epochs += kept
        seconds = evaluation.epoch_seconds
        while len(epochs) < order.epochs and not (order.seconds and seconds >= order.seconds):
            began = time.monotonic()
            latest = self._round(claim, strategy, job, order, sampler, epochs)
            spent = time.monotonic() - began
            self._keep(claim, job, len(epochs), latest, spent)
            seconds += spent
            epochs += latest
        return epochs

    def _round(
        self, claim: Claim, strategy: Strategy, job: Job, order: Order, sampler: Sampler, before: Sequence[Tried]
    ) -> list[Tried]:
        candidates = sampler.ask(min(ROUND, order.epochs - len(before)))
        known = {key_of(each.candidate): each for each in reversed(before)}
        keys = [key_of(each) for each in candidates]
        new = {key: each for key, each in zip(keys, candidates, strict=True) if key not in known}
        best = best_of(before)
        said = f"{strategy.name}: epoch {len(before)} of {order.epochs}" + (f", best {-best.loss:.2f}" if best else "")
        results = self._trials.try_all(
            job, order.spaces, list(new.values()), lambda words: self.tick(claim, f"optimizing {said} ({words})")
        )
        fresh: dict[str, Epoch] = dict(zip(new, results, strict=True))
        latest: list[Tried] = []
        for number, (key, candidate) in enumerate(zip(keys, candidates, strict=True), start=len(before) + 1):
            if key in known:
                latest.append(replace(known[key], number=number, repeats=known[key].repeats or known[key].number))
            else:
                known[key] = tried(number, candidate, fresh[key], self._rules.minimum_trades)
                latest.append(known[key])
        sampler.tell([each.loss for each in latest])
        return latest

    def _keep(self, claim: Claim, job: Job, before: int, latest: Sequence[Tried], seconds: float) -> None:
        blob = self._blobs.put(orjson.dumps([asdict(each) for each in latest]))

        def decide() -> Iterable[Recorded]:
            run = self.factory.get(Evaluation, Evaluation.id_of(job.run_id))
            stamp = self.factory.stamp(claim, correlation=run.strategy_id)
            run.keep_epochs(before, [each.in_short() for each in latest], blob, seconds, stamp)
            return [run]

        self.factory.transact(decide)

    def _compare(
        self,
        claim: Claim,
        strategy: Strategy,
        division: Division,
        original: str | None,
        optimized: str,
        found: Findings,
    ) -> Comparison:
        """Backtest both on the walk-forward days and hold them against each other."""
        days = division.walk_forward
        assert days is not None
        sides: dict[str, Contestant] = {}
        for side, parameters in (("original", original), ("optimized", optimized)):
            ended = self._backtest(claim, strategy, side, Part.WALK_FORWARD, days, division, parameters)
            found.backtests.append(ended)
            span = (ended.job.conditions.dry_run_wallet, ended.outcome.backtest_start, ended.outcome.backtest_end)
            sides[side] = Contestant(ended.figures, equity_curve(ended.outcome.trades, *span).daily_returns())
        comparison = compare(sides["original"], sides["optimized"], self._rules)
        found.figures["comparison"] = {
            "timerange": days.timerange,
            **{side: _in_short(each.figures) for side, each in sides.items()},
            "probability": comparison.probability,
            "windows_won": comparison.windows_won,
            "windows": comparison.windows,
            "against": list(comparison.against),
        }
        return comparison

    def _backtest(
        self,
        claim: Claim,
        strategy: Strategy,
        name: str,
        part: Part,
        days: DayRange,
        division: Division,
        parameters: str | None,
    ) -> Backtest:
        """Run one backtest of the comparison. Raise BrokenStrategy."""
        conditions = replace(self._conditions, timerange=days.timerange)
        job = self.begin(claim, strategy, Run(_run_id(claim, name), conditions, parameters, Kind.BACKTEST))
        outcome = accepted(self._engine.backtest(job, self._hear(claim, strategy, name)))
        return self._backtests.of(part, job, outcome, division.windows)

    def _hear(self, claim: Claim, strategy: Strategy, name: str) -> Report:
        return lambda _, percent, words: self.tick(
            claim, f"optimizing {strategy.name}: {name} {percent:.0f} % {words}".rstrip()
        )

    # What is recorded

    def _decide(self, claim: Claim, job: Job, found: Findings) -> Iterable[Recorded]:
        strategy = self.factory.get(Strategy, UUID(claim.subject))
        stamp = self.factory.stamp(claim, correlation=str(strategy.id))
        run = self.factory.get(Evaluation, Evaluation.id_of(job.run_id))
        runs = [
            *self._completed(found, stamp),
            *self._left_open(
                claim, [*(each.job.run_id for each in found.backtests), job.run_id], found.findings, stamp
            ),
        ]
        baseline = found.backtests[0]
        figures = {**found.figures, "in_sample": _in_short(baseline.figures), "why": found.why}
        run.complete(
            verdict=OPTIMIZED if found.are_better else KEPT,
            identity=baseline.outcome.identity,
            result_hash=found.result_hash,
            figures=figures,
            findings=found.opinion,
            blobs={"parameters": found.parameters} if found.parameters else {},
            seconds=run.epoch_seconds,
            stamp=stamp,
        )
        if found.are_better and (strategy.state in OPTIMIZABLE or strategy.is_retired):
            strategy.record_optimization(job.run_id, found.parameters, figures, stamp)
        else:
            strategy.keep_as_it_was(job.run_id, found.why, figures, stamp)
        return [*runs, run, strategy]

    def _broken(self, claim: Claim, job: Job, found: Findings, error: BrokenStrategy) -> Iterable[Recorded]:
        strategy = self.factory.get(Strategy, UUID(claim.subject))
        stamp = self.factory.stamp(claim, correlation=str(strategy.id))
        runs = [
            *self._completed(found, stamp),
            *self._left_open(claim, [each.job.run_id for each in found.backtests], error.findings, stamp),
        ]
        is_forged = any(each.code == "FORGED_RESULT" for each in error.findings)
        reason = Reason.FORGED if is_forged else Reason.BROKEN
        strategy.retire(reason, in_words(error.findings), stamp, as_evidence(error.findings, job.run_id))
        return [*runs, strategy]

    def _completed(self, found: Findings, stamp: Stamp) -> list[Evaluation]:
        runs = []
        for each in found.backtests:
            run = self.factory.get(Evaluation, Evaluation.id_of(each.job.run_id))
            each.complete(run, stamp)
            runs.append(run)
        return runs

    def _left_open(
        self, claim: Claim, done: Sequence[str], findings: Sequence[Finding], stamp: Stamp
    ) -> list[Evaluation]:
        """Give the runs that were begun and are not done, with their end."""
        begun = [
            self.factory.find(Evaluation, Evaluation.id_of(run_id))
            for run_id in self.run_ids(claim)
            if run_id not in done
        ]
        failed = [run for run in begun if run is not None]
        for run in failed:
            run.fail("broken strategy", findings, stamp)
        return failed


def _run_id(claim: Claim, name: str = "") -> str:
    """Give the id of the optimisation, or of one of its backtests."""
    return Evaluation.run_id_of(f"{claim.key}/{name}" if name else claim.key)


def _in_short(figures: Mapping[str, Any]) -> dict[str, Any]:
    names = ("total_trades", "profit_total", "sharpe_daily", "max_drawdown_account", "profit_factor")
    return {name: figures.get(name) for name in names}
