"""One trading strategy, from the prompt that made it to its retirement."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from cfsm.domain.aggregate import BeginningEvent, Recorded, RecordedEvent, Stamp
from cfsm.domain.conversation import FailedOpinion, Opinion
from cfsm.domain.evaluation import Finding
from cfsm.domain.lifecycle import State, next_state
from cfsm.domain.naming import strategy_id
from cfsm.domain.optimization import Order


class Origin(StrEnum):
    """Who wrote a strategy's code. A template's work is never credited to a model."""

    PREDEFINED = "predefined"
    MODEL = "model"
    FALLBACK = "fallback"
    ADDED = "added"


class Reason(StrEnum):
    """Why a strategy was retired."""

    INVALID = "invalid"
    UNSAFE = "unsafe"
    DUPLICATE = "duplicate"
    BROKEN = "broken"
    FORGED = "forged"
    TOO_OLD = "too_old"
    WEAK = "weak"
    SURPLUS = "surplus"
    WORSE_THAN_PROMISED = "worse_than_promised"
    BY_HAND = "by_hand"


@dataclass(frozen=True)
class IntakeAccount:
    """What the intake did to a file; ``blobs`` names the ``original``."""

    file: str
    channel: str
    extraction: Sequence[str]
    repairs: Sequence[Mapping[str, Any]]
    blobs: Mapping[str, str]


class Moved(RecordedEvent):
    """Base of the events that may change the state: they say where the strategy went."""

    destination: str

    def apply(self, aggregate: "Strategy") -> None:
        aggregate.state = State(self.destination)


class Strategy(Recorded):
    """A strategy: its commands ask the lifecycle's table, its events carry the destination and assign."""

    TOPIC = "Strategy"

    class Generated(BeginningEvent):
        """A strategy came into being: its name, its origin, the hash of its code."""

        TOPIC = "Strategy.Generated"
        name: str
        strategy_type: str
        model_used: str
        origin: str
        code_hash: str
        normalised_hash: str
        generation_id: str
        parents: Sequence[str]
        parameters: Mapping[str, Any]

    class TakenIn(RecordedEvent):
        """The code came out of a file by the intake: how it was found there, and what was mended.

        Each repair has name, line, detail and is_advice. ``blobs`` names the ``original``: the file as it was.
        """

        TOPIC = "Strategy.TakenIn"
        file: str
        channel: str
        extraction: Sequence[str]
        repairs: Sequence[Mapping[str, Any]]
        blobs: Mapping[str, str]

        def apply(self, aggregate: "Strategy") -> None:
            aggregate.taken_from = self.file

    class Validated(Moved):
        """The code was executed in the sandbox and nothing was found that forbids it."""

        TOPIC = "Strategy.Validated"
        run_id: str
        findings: Sequence[Mapping[str, Any]]

    class BacktestRequested(RecordedEvent):
        """A backtest is wanted again."""

        TOPIC = "Strategy.BacktestRequested"
        why: str

        def apply(self, aggregate: "Strategy") -> None:
            aggregate.backtest_wanted = self.why

    class Backtested(Moved):
        """A backtest gave these figures, over these days."""

        TOPIC = "Strategy.Backtested"
        run_id: str
        timerange: str
        result_hash: str
        figures: Mapping[str, Any]

        def apply(self, aggregate: "Strategy") -> None:
            super().apply(aggregate)
            aggregate.backtests.append(self.run_id)
            aggregate.score = self.figures.get("sharpe_daily")

    class OptimizationRequested(RecordedEvent):
        """Better parameters are wanted: how many epochs and seconds at most, in which spaces, from which seed."""

        TOPIC = "Strategy.OptimizationRequested"
        why: str
        epochs: int
        seconds: float
        spaces: Sequence[str]
        seed: int

        def apply(self, aggregate: "Strategy") -> None:
            aggregate.optimization_orders[str(self.originator_version)] = {
                "epochs": self.epochs,
                "seconds": self.seconds,
                "spaces": self.spaces,
                "seed": self.seed,
            }

    class KeptAsItWas(RecordedEvent):
        """An optimisation found nothing that is really better out of sample: why, and the figures."""

        TOPIC = "Strategy.KeptAsItWas"
        run_id: str
        why: str
        figures: Mapping[str, Any]

        def apply(self, aggregate: "Strategy") -> None:
            aggregate.optimizations.append(self.run_id)

    class Optimized(Moved):
        """Parameters were found that are better out of sample."""

        TOPIC = "Strategy.Optimized"
        run_id: str
        parameters_hash: str
        figures: Mapping[str, Any]

        def apply(self, aggregate: "Strategy") -> None:
            super().apply(aggregate)
            aggregate.parameters_hash = self.parameters_hash
            aggregate.optimizations.append(self.run_id)

    class DryRunStarted(Moved):
        """A forward test began."""

        TOPIC = "Strategy.DryRunStarted"
        source: str

    class Retired(Moved):
        """The strategy was taken out of service: why, in words, and the evidence."""

        TOPIC = "Strategy.Retired"
        reason: str
        detail: str
        evidence: Mapping[str, Any]

        def apply(self, aggregate: "Strategy") -> None:
            super().apply(aggregate)
            aggregate.retired_because = self.reason

    class ResultCameLate(RecordedEvent):
        """A result arrived after retirement: kept as a fact, it revives nothing."""

        TOPIC = "Strategy.ResultCameLate"
        kind: str
        run_id: str
        figures: Mapping[str, Any]

        def apply(self, aggregate: "Strategy") -> None:
            aggregate.late_results.append(self.run_id)

    class TwinFound(RecordedEvent):
        """Another strategy has the identical list of trades: an alarm."""

        TOPIC = "Strategy.TwinFound"
        twin: str
        result_hash: str

        def apply(self, aggregate: "Strategy") -> None:
            aggregate.twins.append(self.twin)

    class OpinionRequested(RecordedEvent):
        """A model is to say what it holds of a backtest's result."""

        TOPIC = "Strategy.OpinionRequested"
        run_id: str

        def apply(self, aggregate: "Strategy") -> None:
            aggregate.opinions.setdefault(self.run_id, "")

    class OpinionNoted(RecordedEvent):
        """A model said what it holds of a backtest's result: an opinion, which decides nothing.

        ``opinion`` has diagnosis (text) and changes (a list of parameter, from, to and reason). ``blobs`` names the
        ``prompt`` and the ``answer``.
        """

        TOPIC = "Strategy.OpinionNoted"
        run_id: str
        model: str
        digest: str
        prompt_name: str
        prompt_version: str
        prompt_hash: str
        opinion: Mapping[str, Any]
        prompt_tokens: int
        answer_tokens: int
        seconds: float
        blobs: Mapping[str, str]

        def apply(self, aggregate: "Strategy") -> None:
            aggregate.opinions[self.run_id] = self.model

    class OpinionFailed(RecordedEvent):
        """A model was asked what it holds of a backtest's result, and its answer tells nothing: it is not asked again.

        ``reason`` is a stable word, ``detail`` says it in words; ``blobs`` names the ``prompt`` and what had come.
        """

        TOPIC = "Strategy.OpinionFailed"
        run_id: str
        model: str
        digest: str
        prompt_name: str
        prompt_version: str
        prompt_hash: str
        reason: str
        detail: str
        prompt_tokens: int
        answer_tokens: int
        seconds: float
        blobs: Mapping[str, str]

        def apply(self, aggregate: "Strategy") -> None:
            aggregate.failed_opinions.setdefault(self.run_id, []).append(self.model)

    def __init__(
        self,
        name: str,
        strategy_type: str,
        model_used: str,
        origin: str,
        code_hash: str,
        normalised_hash: str,
        generation_id: str,
        parents: Sequence[str],
        parameters: Mapping[str, Any],
    ) -> None:
        self.name = name
        self.strategy_type = strategy_type
        self.model_used = model_used
        self.origin = Origin(origin)
        self.code_hash = code_hash
        self.normalised_hash = normalised_hash
        self.generation_id = generation_id
        self.parents = list(parents)
        self.parameters = parameters
        self.parameters_hash = ""
        self.state = State.GENERATED
        self.backtests: list[str] = []
        self.optimizations: list[str] = []
        self.optimization_orders: dict[str, Mapping[str, Any]] = {}
        self.late_results: list[str] = []
        self.twins: list[str] = []
        self.opinions: dict[str, str] = {}
        self.failed_opinions: dict[str, list[str]] = {}
        self.taken_from = ""
        self.backtest_wanted = ""
        self.score: float | None = None
        self.retired_because = ""

    @classmethod
    def generate(
        cls,
        *,
        name: str,
        strategy_type: str,
        model_used: str,
        origin: Origin,
        code_hash: str,
        normalised_hash: str,
        stamp: Stamp,
        generation_id: str = "",
        parents: Sequence[str] = (),
        parameters: Mapping[str, Any] | None = None,
    ) -> "Strategy":
        """Bring a strategy into being. The id is a function of the name: the name again is a conflict."""
        return cls._begin(
            cls.Generated,
            strategy_id(name),
            stamp,
            name=name,
            strategy_type=strategy_type,
            model_used=model_used,
            origin=origin.value,
            code_hash=code_hash,
            normalised_hash=normalised_hash,
            generation_id=generation_id,
            parents=list(parents),
            parameters=dict(parameters or {}),
        )

    @property
    def is_retired(self) -> bool:
        """Say whether the strategy is out of service."""
        return self.state is State.RETIRED

    def note_intake(self, account: IntakeAccount, stamp: Stamp) -> None:
        """Keep where the code was found and what was mended, once."""
        if not self.taken_from:
            self._record(self.TakenIn, stamp, **asdict(account))

    def record_validation(self, run_id: str, findings: Sequence[Finding], stamp: Stamp) -> None:
        """Keep that the code was executed and accepted. Raise IllegalTransition if the table forbids it."""
        if self._came_late("validation", run_id, {}, stamp):
            return
        destination = next_state("validate", self.state)
        noted = [asdict(finding) for finding in findings]
        self._record(self.Validated, stamp, destination=destination.value, run_id=run_id, findings=noted)

    def request_backtest(self, why: str, stamp: Stamp) -> None:
        """Ask for a backtest again, once for one cause, never of the retired. Raise IllegalTransition too early."""
        if not self.is_retired and why != self.backtest_wanted:
            next_state("backtest", self.state)
            self._record(self.BacktestRequested, stamp, why=why)

    def record_backtest(
        self, run_id: str, timerange: str, result_hash: str, figures: Mapping[str, Any], stamp: Stamp
    ) -> None:
        """Keep a backtest's figures. Raise IllegalTransition where the table does not allow it."""
        if run_id in self.backtests or self._came_late("backtest", run_id, figures, stamp):
            return
        self._record(
            self.Backtested,
            stamp,
            destination=next_state("backtest", self.state).value,
            run_id=run_id,
            timerange=timerange,
            result_hash=result_hash,
            figures=dict(figures),
        )

    def request_optimization(self, why: str, order: Order, stamp: Stamp) -> None:
        """Ask for better parameters, never for the retired. Raise IllegalTransition where the table forbids it."""
        next_state("optimize", self.state)
        self._record(self.OptimizationRequested, stamp, why=why, **order.as_mapping())

    def optimization_order(self, version: int) -> Order:
        """Give what the request that made this version of the strategy asks for. Raise KeyError for none."""
        return Order.from_mapping(self.optimization_orders[str(version)])

    def keep_as_it_was(self, run_id: str, why: str, figures: Mapping[str, Any], stamp: Stamp) -> None:
        """Keep that an optimisation changed nothing, and why."""
        if run_id in self.optimizations or self._came_late("optimization", run_id, figures, stamp):
            return
        self._record(self.KeptAsItWas, stamp, run_id=run_id, why=why, figures=dict(figures))

    def record_optimization(self, run_id: str, parameters_hash: str, figures: Mapping[str, Any], stamp: Stamp) -> None:
        """Keep better parameters. Raise IllegalTransition where the table does not allow it."""
        if run_id in self.optimizations or self._came_late("optimization", run_id, figures, stamp):
            return
        self._record(
            self.Optimized,
            stamp,
            destination=next_state("optimize", self.state).value,
            run_id=run_id,
            parameters_hash=parameters_hash,
            figures=dict(figures),
        )

    def start_dry_run(self, source: str, stamp: Stamp) -> None:
        """Begin a forward test. Raise IllegalTransition where the table does not allow it."""
        destination = next_state("start_dry_run", self.state)
        self._record(self.DryRunStarted, stamp, destination=destination.value, source=source)

    def retire(self, reason: Reason, detail: str, stamp: Stamp, evidence: Mapping[str, Any] | None = None) -> None:
        """Take the strategy out of service; one that is out already stays as it is."""
        if self.is_retired:
            return
        self._record(
            self.Retired,
            stamp,
            destination=next_state("retire", self.state).value,
            reason=reason.value,
            detail=detail,
            evidence=dict(evidence or {}),
        )

    def note_twin(self, twin: str, result_hash: str, stamp: Stamp) -> None:
        """Raise the alarm that another strategy trades identically."""
        if twin not in self.twins:
            self._record(self.TwinFound, stamp, twin=twin, result_hash=result_hash)

    def request_opinion(self, run_id: str, stamp: Stamp) -> None:
        """Ask for a model's opinion of a backtest, once, never of the retired."""
        if not self.is_retired and run_id in self.backtests and run_id not in self.opinions:
            self._record(self.OpinionRequested, stamp, run_id=run_id)

    def note_opinion(self, opinion: Opinion, stamp: Stamp) -> None:
        """Keep a model's opinion of a backtest, once; that of a strategy which was retired meanwhile as well."""
        if not self.opinions.get(opinion.run_id):
            self._record(self.OpinionNoted, stamp, **asdict(opinion))

    def fail_opinion(self, failed: FailedOpinion, stamp: Stamp) -> None:
        """Keep that a model's answer holds no opinion of a backtest, once for each model."""
        if failed.model not in self.failed_opinions.get(failed.run_id, ()):
            self._record(self.OpinionFailed, stamp, **asdict(failed))

    def _came_late(self, kind: str, run_id: str, figures: Mapping[str, Any], stamp: Stamp) -> bool:
        if not self.is_retired:
            return False
        if run_id not in self.late_results and run_id not in self.backtests:
            self._record(self.ResultCameLate, stamp, kind=kind, run_id=run_id, figures=dict(figures))
        return True

    @staticmethod
    def id_of(name: str) -> UUID:
        """Give the id of the strategy with this name."""
        return strategy_id(name)
