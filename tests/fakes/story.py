"""A factory's life in memory: commands on real aggregates, recorded as entries of a log, without an event store."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cfsm.application.event_mapper import EventMapper
from cfsm.domain.aggregate import Recorded, Stamp
from cfsm.domain.conversation import Decision, FellBackTo, Judgement, Vote
from cfsm.domain.evaluation import Conditions, Evaluation, Finding, Identity, Kind, Stage
from cfsm.domain.forward_test import ForwardTest
from cfsm.domain.generation import Generation
from cfsm.domain.housekeeping import Cleaning, ParkedTask
from cfsm.domain.log import LogEntry
from cfsm.domain.optimization import Order
from cfsm.domain.promise import DAY_MS
from cfsm.domain.strategy import Origin, Reason, Strategy
from cfsm.domain.upstream import Upstream
from tests.fakes import talk
from tests.fakes.forward_tests import evidence, forward_test

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
IDENTITY = Identity("code", "", "data", "config", "freqtrade-2026.9/stock/1")
FINDING = Finding("no-stoploss", "stoploss is not set", line=12, what_to_do="set stoploss")


def figures(sr: float | None = 0.1, total_trades: int = 60, **others: Any) -> dict[str, Any]:
    """Give figures as the backtester records them."""
    moments = {"sr": sr, "observations": 365, "skew": 0.1, "kurtosis": 3.5}
    return {
        "total_trades": total_trades,
        "profit_total": 0.21,
        "profit_factor": 1.4,
        "max_drawdown_account": 0.08,
        "winrate": 0.55,
        "expectancy_ratio": 0.2,
        "sharpe_daily": None if sr is None else round(sr * 365**0.5, 6),
        "sortino_daily": 2.5,
        "calmar": 1.9,
        **(moments if sr is not None else dict.fromkeys(moments)),
        "timeframe": "5m",
        "dataset": "synth-1",
        "data_label": "synthetic",
        "backtest_start": "2025-01-01T00:00:00+00:00",
        "backtest_end": "2025-12-31T00:00:00+00:00",
        "freqtrade": {"sharpe": 6.05, "profit_total": 0.21, "total_trades": total_trades},
        **others,
    }


class MemoryLog:
    """A log of entries in memory. ``reads`` counts how often it was asked."""

    def __init__(self, entries: Sequence[LogEntry] = ()) -> None:
        self.entries = list(entries)
        self.reads = 0

    def read(self, after: int, limit: int) -> Sequence[LogEntry]:
        self.reads += 1
        return [entry for entry in self.entries if entry.id > after][:limit]

    def head(self) -> int:
        return self.entries[-1].id if self.entries else 0


class Story:
    """Tells what happened, a minute between two events, and keeps it in ``log``."""

    def __init__(self, first_id: int = 1, gap: int = 1) -> None:
        self.log = MemoryLog()
        self._mapper = EventMapper()
        self._next_id, self._gap = first_id, gap
        self._minutes = 0

    def stamp(self, correlation: str = "") -> Stamp:
        self._minutes += 1
        return Stamp(BEGINNING + timedelta(minutes=self._minutes), "tester@here", correlation=correlation)

    def record(self, *aggregates: Recorded) -> None:
        for aggregate in aggregates:
            for event in aggregate.collect_events():
                self.append(event.originator_id, *self._mapper.entry_of(event)[1:])

    def append(self, originator_id: UUID, version: int, topic: str, state: bytes) -> LogEntry:
        entry = LogEntry(self._next_id, originator_id.hex, version, topic, state)
        self.log.entries.append(entry)
        self._next_id += self._gap
        return entry

    def request(self, key: str = "slot-1") -> Generation:
        generation = Generation.request(
            key,
            strategy_type="volatility",
            mode="predefined",
            model="predefined",
            seed=7,
            why="the hour",
            stamp=self.stamp(),
        )
        self.record(generation)
        return generation

    def generate(
        self,
        name: str = "VolatilityStrategy_phi3_20260101_000000",
        *,
        generation: Generation | None = None,
        parents: Sequence[str] = (),
        strategy_type: str = "volatility",
        model_used: str = "phi3",
        normalised_hash: str = "",
        parameters: Mapping[str, Any] | None = None,
    ) -> Strategy:
        strategy = Strategy.generate(
            name=name,
            strategy_type=strategy_type,
            model_used=model_used,
            origin=Origin.MODEL,
            code_hash=f"code of {name}",
            normalised_hash=normalised_hash or f"form of {name}",
            generation_id="" if generation is None else str(generation.id),
            parents=parents,
            parameters=parameters or {"window": 14},
            stamp=self.stamp(correlation=str(Strategy.id_of(name))),
        )
        self.record(strategy)
        if generation is not None:
            generation.conclude(strategy.id, name, self.stamp(), {"prompt": "hash of the prompt"})
            self.record(generation)
        return strategy

    def start(self, strategy: Strategy, kind: Kind = Kind.BACKTEST, key: str = "1") -> Evaluation:
        run = Evaluation.start(
            Evaluation.run_id_of(f"{kind}/{strategy.name}/{key}"),
            kind=kind,
            strategy_id=strategy.id,
            strategy_name=strategy.name,
            code_hash=f"code of {strategy.name}",
            conditions=Conditions(dataset="synth-1"),
            stamp=self.stamp(correlation=str(strategy.id)),
        )
        self.record(run)
        return run

    def reach(self, run: Evaluation, stage: Stage) -> None:
        run.reach(stage, self.stamp())
        self.record(run)

    def resume(self, run: Evaluation) -> None:
        run.resume(Conditions(dataset="synth-2"), self.stamp())
        self.record(run)

    def complete(self, run: Evaluation, found: Mapping[str, Any] | None = None, verdict: str = "backtested") -> None:
        run.complete(
            verdict=verdict,
            identity=IDENTITY,
            result_hash="hash of the trades",
            figures=figures() if found is None else found,
            findings=[FINDING],
            blobs={"trades": "hash of a blob"},
            seconds=1.5,
            stamp=self.stamp(),
        )
        self.record(run)

    def fail(self, run: Evaluation, reason: str = "broken strategy") -> None:
        run.fail(reason, [FINDING], self.stamp())
        self.record(run)

    def validate(self, strategy: Strategy) -> Evaluation:
        run = self.start(strategy, Kind.VALIDATION)
        self.complete(run, {"signals": {"enter_long": 3}}, verdict="accepted")
        strategy.record_validation(str(run.id), [], self.stamp())
        self.record(strategy)
        return run

    def backtest(
        self, strategy: Strategy, found: Mapping[str, Any] | None = None, key: str = "1", result_hash: str = ""
    ) -> Evaluation:
        found = figures() if found is None else found
        run = self.start(strategy, Kind.BACKTEST, key)
        self.complete(run, found)
        strategy.record_backtest(
            str(run.id), "20250101-20251231", result_hash or f"trades of {strategy.name}", found, self.stamp()
        )
        self.record(strategy)
        return run

    def backtested(self, name: str, sr: float | None = 0.1, **others: Any) -> Strategy:
        """Bring a strategy from its beginning to its first backtest."""
        strategy = self.generate(name)
        self.validate(strategy)
        self.backtest(strategy, figures(sr, **others))
        return strategy

    def retire(self, strategy: Strategy, reason: Reason = Reason.WEAK, **evidence: Any) -> None:
        strategy.retire(reason, f"because it is {reason.value}", self.stamp(), evidence)
        self.record(strategy)

    def optimize(self, strategy: Strategy, parameters_hash: str = "hash of parameters") -> None:
        strategy.record_optimization("run of hyperopt", parameters_hash, {}, self.stamp())
        self.record(strategy)

    def request_optimization(self, strategy: Strategy, order: Order | None = None) -> None:
        strategy.request_optimization("its score is above the gate", order or Order(), self.stamp(str(strategy.id)))
        self.record(strategy)

    def try_epochs(self, strategy: Strategy, srs: Sequence[float | None] = (0.1, None), key: str = "1") -> Evaluation:
        """Tell of an optimisation up to its epochs, without its end."""
        run = self.start(strategy, Kind.OPTIMIZATION, key)
        epochs = [
            {"number": number, "loss": 100_000.0 if sr is None else -sr, "sr": sr, "total_trades": 40}
            for number, sr in enumerate(srs, start=1)
        ]
        run.keep_epochs(0, epochs, "hash of the epochs", 2.5, self.stamp(str(strategy.id)))
        self.record(run)
        return run

    def keep_as_it_was(self, strategy: Strategy, run: Evaluation) -> None:
        strategy.keep_as_it_was(str(run.id), "better on 1 of 3 windows only", {}, self.stamp(str(strategy.id)))
        self.record(strategy)

    def start_dry_run(self, strategy: Strategy) -> None:
        strategy.start_dry_run("paper", self.stamp())
        self.record(strategy)

    def note_twin(self, strategy: Strategy, twin: str) -> None:
        strategy.note_twin(twin, "hash of the trades", self.stamp())
        self.record(strategy)

    def converse(self, key: str = "slot-3") -> Generation:
        """Tell of a generation in which everything happens that can, without its end."""
        generation = self.request(key)
        generation.begin(talk.PLAN, 1, self.stamp())
        generation.ask(talk.step("phi3:mini/0"), self.stamp())
        generation.keep_answer("phi3:mini/0", talk.ANSWER, self.stamp())
        generation.begin(talk.PLAN, 2, self.stamp())
        generation.propose(talk.proposal("phi3:mini/0"), self.stamp())
        generation.execute(talk.execution("phi3:mini/0"), self.stamp())
        generation.screen(talk.screening("phi3:mini/0"), self.stamp())
        generation.ask(talk.step("cogito:8b/0", model="cogito:8b"), self.stamp())
        generation.keep_failed_answer("cogito:8b/0", talk.FAILED_ANSWER, self.stamp())
        generation.fall_back(FellBackTo("mode", "voting", "contest", "one proposal runs"), self.stamp())
        generation.vote(Vote("cogito:8b/vote", "cogito:8b", "phi3:mini", "its exits"), self.stamp())
        generation.judge(
            Judgement("judge/1", "cogito:8b", ["phi3:mini", "synthesis"], "phi3:mini", "fewer trades"), self.stamp()
        )
        ranking = [{"proposal": "phi3:mini", "model": "phi3:mini", "outcome": "traded", "score": 0.5, "trades": 20}]
        generation.decide(Decision("phi3:mini", "phi3:mini", "phi3:mini/0", "only_one", ranking), self.stamp())
        self.record(generation)
        return generation

    def opine(self, strategy: Strategy, run_id: str) -> None:
        """Tell of a model's opinion of a strategy's backtest, from its request on; another has none."""
        strategy.request_opinion(run_id, self.stamp(str(strategy.id)))
        strategy.fail_opinion(talk.failed_opinion(run_id), self.stamp(str(strategy.id)))
        strategy.note_opinion(talk.opinion(run_id), self.stamp(str(strategy.id)))
        self.record(strategy)

    def park(self, key: str = "backtest/1") -> ParkedTask:
        parked = ParkedTask.park(
            key=key, kind="backtest", subject="it", attempts=3, error="no memory", stamp=self.stamp()
        )
        self.record(parked)
        return parked

    def forward(self, strategy: Strategy) -> ForwardTest:
        """Tell of a forward test in which everything happens that can, without its end."""
        test = forward_test(strategy.name, stamp=self.stamp(str(strategy.id)))
        test.begin("freqtrade-2026.9/dry-run", self.stamp())
        test.observe(DAY_MS, {"total_trades": 3}, evidence(test, DAY_MS), self.stamp())
        test.begin("freqtrade-2026.9/dry-run", self.stamp())
        test.request_stop("enough", self.stamp())
        self.record(test)
        return test

    def upstream(self) -> Upstream:
        upstream = Upstream.watch("https://exchange.example", self.stamp())
        upstream.open_breaker("5 failures in a row", 10.0, self.stamp())
        upstream.half_open_breaker(self.stamp())
        upstream.close_breaker(self.stamp())
        upstream.ban(418, 120.0, self.stamp())
        self.record(upstream)
        return upstream

    def clean(self, slot: str = "2026-01-01T02:00") -> Cleaning:
        cleaning = Cleaning.request(slot, "daily", self.stamp())
        self.record(cleaning)
        return cleaning
