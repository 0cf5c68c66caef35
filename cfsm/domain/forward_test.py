"""A forward test: a bot trades a strategy on candles that nobody chose it by, and is held to what the backtest said."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from cfsm.domain.aggregate import BeginningEvent, Recorded, RecordedEvent, Stamp
from cfsm.domain.evaluation import Conditions
from cfsm.domain.naming import id_of
from cfsm.domain.promise import DAY_MS, Promise
from cfsm.domain.sequential_test import Evidence, TestRules, watched_ms
from cfsm.domain.trading_mode import Mode, ProductionRefused


class Source(StrEnum):
    """Where the candles come from: a replay of held-back ones, or the live exchange."""

    REPLAY = "replay"
    LIVE = "live"


class ForwardVerdict(StrEnum):
    """How a forward test ends: as promised, with an edge confirmed, worse than promised, or stopped by a person."""

    KEPT = "kept"
    CONFIRMED = "confirmed"
    WORSE = "worse"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From when to when a forward test goes, in milliseconds; and what a replay declares beside the candles.

    ``spread_bps`` is the spread of the book in basis points, ``seed`` draws the price's way through the candles, and
    ``step_ms`` is the time between two looks of the bot at an open trade. Live, these are 0.
    """

    begin_ms: int
    end_ms: int
    spread_bps: float = 0.0
    seed: int = 0
    step_ms: int = 0

    def __post_init__(self) -> None:
        if self.end_ms <= self.begin_ms:
            raise ValueError("a forward test ends after it begins")


class ForwardTest(Recorded):
    """One forward test of one strategy. Its bot may be started again; it is concluded once."""

    TOPIC = "ForwardTest"

    class Requested(BeginningEvent):
        """A forward test is wanted: of what, on which candles, held to which promise by which error rates."""

        TOPIC = "ForwardTest.Requested"
        strategy_id: str
        strategy_name: str
        number: int
        source: str
        mode: str
        conditions: Mapping[str, Any]
        span: Mapping[str, Any]
        promise: Mapping[str, Any]
        promised_by: str
        same_days_run_id: str
        rules: Mapping[str, Any]
        why: str

    class Started(RecordedEvent):
        """The bot runs: of which version of Freqtrade."""

        TOPIC = "ForwardTest.Started"
        engine: str

        def apply(self, aggregate: "ForwardTest") -> None:
            aggregate.attempt = 1

    class Resumed(RecordedEvent):
        """The bot runs again, with its trades, after an attempt that ended before its time."""

        TOPIC = "ForwardTest.Resumed"
        attempt: int
        engine: str

        def apply(self, aggregate: "ForwardTest") -> None:
            aggregate.attempt = self.attempt
            aggregate.observed_before = aggregate.observed_ms

    class Observed(RecordedEvent):
        """So the bot stood at a moment of its clock: figures of its account, and the evidence so far."""

        TOPIC = "ForwardTest.Observed"
        at_ms: int
        figures: Mapping[str, Any]
        evidence: Mapping[str, Any]

        def apply(self, aggregate: "ForwardTest") -> None:
            aggregate.observed_ms = self.at_ms
            aggregate.closed_trades = self.figures.get("total_trades", 0)

    class Away(RecordedEvent):
        """No bot watched the live exchange from then to then (milliseconds): nothing ran, or the clock jumped."""

        TOPIC = "ForwardTest.Away"
        begin_ms: int
        end_ms: int

        def apply(self, aggregate: "ForwardTest") -> None:
            aggregate.away = (*aggregate.away, (self.begin_ms, self.end_ms))

    class StopRequested(RecordedEvent):
        """A person wants it to end as it stands."""

        TOPIC = "ForwardTest.StopRequested"
        why: str

        def apply(self, aggregate: "ForwardTest") -> None:
            aggregate.stop_wanted = self.why

    class Concluded(RecordedEvent):
        """The verdict, with the evidence, beside what the backtest promised and what it did on the same days."""

        TOPIC = "ForwardTest.Concluded"
        verdict: str
        detail: str
        at_ms: int
        figures: Mapping[str, Any]
        evidence: Mapping[str, Any]
        comparison: Mapping[str, Any]
        agreement: Mapping[str, Any]
        blobs: Mapping[str, str]

        def apply(self, aggregate: "ForwardTest") -> None:
            aggregate.is_over = True

    class Failed(RecordedEvent):
        """It ended without a verdict: why, and what was found."""

        TOPIC = "ForwardTest.Failed"
        reason: str
        findings: Sequence[Mapping[str, Any]]

        def apply(self, aggregate: "ForwardTest") -> None:
            aggregate.is_over = True

    def __init__(
        self,
        strategy_id: str,
        strategy_name: str,
        number: int,
        source: str,
        mode: str,
        conditions: Mapping[str, Any],
        span: Mapping[str, Any],
        promise: Mapping[str, Any],
        promised_by: str,
        same_days_run_id: str,
        rules: Mapping[str, Any],
        why: str,
    ) -> None:
        self.strategy_id = strategy_id
        self.strategy_name = strategy_name
        self.number = number
        self.source = Source(source)
        self.mode = Mode(mode)
        self.conditions = conditions
        self.span = Span(**span)
        self.promise = Promise.from_mapping(promise)
        self.promised_by = promised_by
        self.same_days_run_id = same_days_run_id
        self.rules = TestRules(**rules)
        self.why = why
        self.attempt = 0
        self.observed_ms = 0
        self.observed_before = 0
        self.closed_trades = 0
        self.away: tuple[tuple[int, int], ...] = ()
        self.stop_wanted = ""
        self.is_over = False

    @staticmethod
    def id_of(strategy_name: str, number: int) -> UUID:
        """Give the id of a strategy's n-th forward test: asking twice for the same one is asking once."""
        return id_of("forward_test", f"{strategy_name}/{number}")

    @classmethod
    def request(
        cls,
        *,
        strategy_name: str,
        strategy_id: UUID,
        number: int,
        source: Source,
        mode: Mode,
        conditions: Conditions,
        span: Span,
        promise: Promise,
        promised_by: str,
        same_days_run_id: str,
        rules: TestRules,
        why: str,
        stamp: Stamp,
    ) -> "ForwardTest":
        """Ask for a forward test. Raise ProductionRefused for one with money."""
        if mode is Mode.PRODUCTION:
            raise ProductionRefused
        return cls._begin(
            cls.Requested,
            cls.id_of(strategy_name, number),
            stamp,
            strategy_id=str(strategy_id),
            strategy_name=strategy_name,
            number=number,
            source=source.value,
            mode=mode.value,
            conditions=asdict(conditions),
            span=asdict(span),
            promise=promise.as_mapping(),
            promised_by=promised_by,
            same_days_run_id=same_days_run_id,
            rules=asdict(rules),
            why=why,
        )

    @property
    def key(self) -> str:
        """A name for its folder and its session: the strategy's, with the number."""
        return f"{self.strategy_name}-{self.number}"

    @property
    def has_progressed(self) -> bool:
        """Say whether the attempt under way has seen anything that the one before had not."""
        return self.observed_ms > self.observed_before

    @property
    def last_seen_ms(self) -> int:
        """Up to when its bot is known to have watched."""
        return max(self.span.begin_ms, self.observed_ms, *(end for _, end in self.away), 0)

    @property
    def end_ms(self) -> int:
        """When it ends: a live one makes up for the time in which no bot watched."""
        return self.span.end_ms + sum(end - begin for begin, end in self.away)

    def watched_days(self, at_ms: int) -> float:
        """Give for how many days, up to a moment, its bot watched."""
        return watched_ms(self.span.begin_ms, at_ms, self.away) / DAY_MS

    def was_away(self, begin_ms: int, end_ms: int, stamp: Stamp) -> None:
        """Keep that no bot watched from then to then; a replay stands still meanwhile, and misses nothing."""
        begin_ms = max(begin_ms, *(end for _, end in self.away), self.span.begin_ms)
        if not self.is_over and self.source is Source.LIVE and end_ms > begin_ms:
            self._record(self.Away, stamp, begin_ms=begin_ms, end_ms=end_ms)

    def begin(self, engine: str, stamp: Stamp) -> None:
        """Keep that the bot runs, for the first time or again."""
        if self.is_over:
            return
        if not self.attempt:
            self._record(self.Started, stamp, engine=engine)
        else:
            self._record(self.Resumed, stamp, attempt=self.attempt + 1, engine=engine)

    def observe(self, at_ms: int, figures: Mapping[str, Any], evidence: Evidence, stamp: Stamp) -> None:
        """Keep how the bot stands; a moment that was seen already is not seen again."""
        if not self.is_over and at_ms > self.observed_ms:
            self._record(self.Observed, stamp, at_ms=at_ms, figures=dict(figures), evidence=evidence.as_mapping())

    def request_stop(self, why: str, stamp: Stamp) -> None:
        """Ask for its end as it stands; once is enough."""
        if not self.is_over and not self.stop_wanted:
            self._record(self.StopRequested, stamp, why=why)

    def conclude(
        self,
        verdict: ForwardVerdict,
        detail: str,
        *,
        at_ms: int,
        figures: Mapping[str, Any],
        evidence: Evidence,
        comparison: Mapping[str, Any],
        agreement: Mapping[str, Any],
        blobs: Mapping[str, str],
        stamp: Stamp,
    ) -> None:
        """Keep the verdict; a second one is the same delivered twice."""
        if self.is_over:
            return
        self._record(
            self.Concluded,
            stamp,
            verdict=verdict.value,
            detail=detail,
            at_ms=at_ms,
            figures=dict(figures),
            evidence=evidence.as_mapping(),
            comparison=dict(comparison),
            agreement=dict(agreement),
            blobs=dict(blobs),
        )

    def fail(self, reason: str, findings: Sequence[Mapping[str, Any]], stamp: Stamp) -> None:
        """End it without a verdict."""
        if not self.is_over:
            self._record(self.Failed, stamp, reason=reason, findings=[dict(each) for each in findings])
