"""An evaluation: one run of one strategy, its stages and its verdict.

Every evaluation is a trial, and so is every epoch of an optimisation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from cfsm.domain.aggregate import BeginningEvent, Recorded, RecordedEvent, Stamp
from cfsm.domain.naming import id_of
from cfsm.domain.trades import Trade


class Kind(StrEnum):
    """What an evaluation asks."""

    VALIDATION = "validation"
    BACKTEST = "backtest"
    OPTIMIZATION = "optimization"


class Stage(StrEnum):
    """Where a run is; the percentages of ``STAGE_PERCENT`` say how far."""

    LOADING_DATA = "loading_data"
    ANALYZING = "analyzing"
    BACKTESTING = "backtesting"
    GENERATING_REPORT = "generating_report"
    COMPLETED = "completed"
    ERROR = "error"


STAGE_PERCENT: Mapping[Stage, int] = {
    Stage.LOADING_DATA: 10,
    Stage.ANALYZING: 30,
    Stage.BACKTESTING: 50,
    Stage.GENERATING_REPORT: 80,
    Stage.COMPLETED: 100,
}


ENDS = frozenset({Stage.COMPLETED, Stage.ERROR})


class Verdict(StrEnum):
    """What a validation says of a strategy."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNSAFE = "unsafe"


@dataclass(frozen=True)
class Finding:
    """One thing found wrong: a stable code, what it is, where, and what to do about it."""

    code: str
    message: str
    line: int | None = None
    what_to_do: str = ""


@dataclass(frozen=True)
class Conditions:
    """Under which conditions a strategy is run: money, market, range. Part of an evaluation's identity.

    ``timerange`` is Freqtrade's (``20250101-20250401``), empty for all candles; ``timeframe`` None is the
    strategy's own; ``pairs`` empty means all of the dataset; ``fee`` None is the exchange's.
    """

    dataset: str
    timerange: str = ""
    pairs: tuple[str, ...] = ()
    timeframe: str | None = None
    timeframe_detail: str | None = None
    stake_currency: str = "USDT"
    stake_amount: float | str = "unlimited"
    dry_run_wallet: float = 1000.0
    max_open_trades: int = 5
    tradable_balance_ratio: float = 0.99
    fee: float | None = None
    enable_protections: bool = True


_BUSY = 4
"""How many times as long as its processor time a run may take."""


@dataclass(frozen=True)
class Limits:
    """How much one run may use before it is ended."""

    wall_seconds: float = 600.0
    cpu_seconds: float = 600.0
    memory_mb: int = 3072
    output_mb: int = 64

    def within(self, cpu_seconds: float) -> "Limits":
        """Give the same with another limit of a processor's time, and four times that on the clock.

        Others are at work on the machine as well.
        """
        return replace(self, wall_seconds=_BUSY * cpu_seconds, cpu_seconds=cpu_seconds)


@dataclass(frozen=True)
class Job:
    """What an engine is asked: this code, with these parameters, under these conditions and limits.

    ``source`` is the file's bytes, never trusted; ``parameters`` the text of Freqtrade's ``.json`` beside a
    strategy, or None.
    """

    run_id: str
    strategy_name: str
    source: bytes
    conditions: Conditions
    parameters: str | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Identity:
    """What a result is a pure function of: strategy, parameters, data, configuration and engine (hashes)."""

    code_hash: str
    parameters_hash: str
    data_hash: str
    config_hash: str
    engine: str


@dataclass(frozen=True)
class ValidationOutcome:
    """What an engine found when it loaded and executed a strategy in a sandbox.

    ``signals`` are counted on the candles that were looked at; ``microseconds_per_candle`` of processor time is what
    indicators and signals of one took.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    identity: Identity
    seconds: float
    timeframe: str = ""
    can_short: bool = False
    startup_candle_count: int = 0
    signals: Mapping[str, int] = field(default_factory=dict)
    microseconds_per_candle: float = 0.0


@dataclass(frozen=True)
class BacktestOutcome:
    """What an engine gives for a backtest: the trades, and Freqtrade's own figures under its names.

    ``backtest_start`` and ``backtest_end`` bound the candles that were traded on; ``result_hash`` is over the
    canonical list of trades; ``stage_seconds`` says how long each stage took. ``verdict`` is what the findings make of
    it: a strategy that is not accepted has figures that count for nothing.
    """

    trades: tuple[Trade, ...]
    statistics: Mapping[str, Any]
    identity: Identity
    result_hash: str
    timeframe: str
    backtest_start: datetime
    backtest_end: datetime
    seconds: float
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    verdict: Verdict = Verdict.ACCEPTED


class Evaluation(Recorded):
    """One run, from its start to its verdict. It may be attempted again when a worker died; it ends once."""

    TOPIC = "Evaluation"

    class Started(BeginningEvent):
        """A run began: of what kind, of which strategy, under which conditions."""

        TOPIC = "Evaluation.Started"
        kind: str
        strategy_id: str
        strategy_name: str
        code_hash: str
        conditions: Mapping[str, Any]

    class Resumed(RecordedEvent):
        """The run began again, because the attempt before did not end: under which conditions now."""

        TOPIC = "Evaluation.Resumed"
        attempt: int
        conditions: Mapping[str, Any]

        def apply(self, aggregate: "Evaluation") -> None:
            aggregate.attempt = self.attempt
            aggregate.conditions = self.conditions
            aggregate.stage = None

    class StageReached(RecordedEvent):
        """The run entered a stage."""

        TOPIC = "Evaluation.StageReached"
        stage: str
        percent: int

        def apply(self, aggregate: "Evaluation") -> None:
            aggregate.stage = Stage(self.stage)

    class EpochsTried(RecordedEvent):
        """An optimisation tried some epochs: in short here, in full in a blob; ``seconds`` is how long they took."""

        TOPIC = "Evaluation.EpochsTried"
        epochs: Sequence[Mapping[str, Any]]
        blobs: Mapping[str, str]
        seconds: float

        def apply(self, aggregate: "Evaluation") -> None:
            aggregate.epoch_blobs.append(self.blobs["epochs"])
            aggregate.epochs += len(self.epochs)
            aggregate.epoch_seconds += self.seconds

    class Completed(RecordedEvent):
        """The run gave its verdict: figures, hashes of what it was a function of, blobs of what it left."""

        TOPIC = "Evaluation.Completed"
        verdict: str
        identity: Mapping[str, str]
        result_hash: str
        figures: Mapping[str, Any]
        findings: Sequence[Mapping[str, Any]]
        blobs: Mapping[str, str]
        seconds: float

        def apply(self, aggregate: "Evaluation") -> None:
            aggregate.stage = Stage.COMPLETED
            aggregate.verdict = self.verdict
            aggregate.result_hash = self.result_hash
            aggregate.figures = self.figures

    class Failed(RecordedEvent):
        """The run ended without a verdict on its figures: the reason and the findings."""

        TOPIC = "Evaluation.Failed"
        reason: str
        findings: Sequence[Mapping[str, Any]]

        def apply(self, aggregate: "Evaluation") -> None:
            aggregate.stage = Stage.ERROR

    def __init__(
        self, kind: str, strategy_id: str, strategy_name: str, code_hash: str, conditions: Mapping[str, Any]
    ) -> None:
        self.kind = Kind(kind)
        self.strategy_id = strategy_id
        self.strategy_name = strategy_name
        self.code_hash = code_hash
        self.conditions = conditions
        self.attempt = 1
        self.stage: Stage | None = None
        self.verdict = ""
        self.result_hash = ""
        self.figures: Mapping[str, Any] = {}
        self.epochs = 0
        self.epoch_blobs: list[str] = []
        self.epoch_seconds = 0.0

    @staticmethod
    def id_of(run_id: str) -> UUID:
        """Give the aggregate's id of a run."""
        return UUID(run_id)

    @staticmethod
    def run_id_of(task_key: str) -> str:
        """Give the run id of a task's effect: a pure function of its cause."""
        return str(id_of("run", task_key))

    @classmethod
    def start(
        cls,
        run_id: str,
        *,
        kind: Kind,
        strategy_id: UUID,
        strategy_name: str,
        code_hash: str,
        conditions: Conditions,
        stamp: Stamp,
    ) -> "Evaluation":
        """Begin a run."""
        return cls._begin(
            cls.Started,
            cls.id_of(run_id),
            stamp,
            kind=kind.value,
            strategy_id=str(strategy_id),
            strategy_name=strategy_name,
            code_hash=code_hash,
            conditions=asdict(conditions),
        )

    @property
    def is_over(self) -> bool:
        """Say whether the run has its verdict or its failure."""
        return self.stage in ENDS

    def resume(self, conditions: Conditions, stamp: Stamp) -> None:
        """Begin the run again after an attempt that did not end; the configuration may be another one by now."""
        if not self.is_over:
            self._record(self.Resumed, stamp, attempt=self.attempt + 1, conditions=asdict(conditions))

    def reach(self, stage: Stage, stamp: Stamp) -> None:
        """Enter a stage; a stage that was entered already is not entered again.

        The last stages are not entered but come with the verdict: ``complete`` and ``fail`` record them.
        """
        if not self.is_over and stage is not self.stage and stage not in ENDS:
            self._record(self.StageReached, stamp, stage=stage.value, percent=STAGE_PERCENT[stage])

    def keep_epochs(
        self, after: int, epochs: Sequence[Mapping[str, Any]], blob: str, seconds: float, stamp: Stamp
    ) -> None:
        """Keep epochs that were tried ``after`` so many; those that another attempt kept already are the same ones."""
        if not self.is_over and after == self.epochs:
            self._record(self.EpochsTried, stamp, epochs=epochs, blobs={"epochs": blob}, seconds=round(seconds, 3))

    def complete(
        self,
        *,
        verdict: str,
        identity: Identity,
        result_hash: str,
        figures: Mapping[str, Any],
        findings: Sequence[Finding],
        blobs: Mapping[str, str],
        seconds: float,
        stamp: Stamp,
    ) -> None:
        """Keep the verdict; a second one is the same one delivered twice."""
        if self.is_over:
            return
        self._record(
            self.Completed,
            stamp,
            verdict=verdict,
            identity=asdict(identity),
            result_hash=result_hash,
            figures=figures,
            findings=[asdict(finding) for finding in findings],
            blobs=blobs,
            seconds=round(seconds, 3),
        )

    def fail(self, reason: str, findings: Sequence[Finding], stamp: Stamp) -> None:
        """End the run without figures."""
        if not self.is_over:
            noted = [asdict(finding) for finding in findings]
            self._record(self.Failed, stamp, reason=reason, findings=noted)
