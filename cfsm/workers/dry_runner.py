"""A forward test requested -> a bot on paper, watched -> Concluded, and Retired if it broke the backtest's promise."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar
from uuid import UUID

import orjson

from cfsm.application.bots import Bot, Bots, BotState, BotsTellNonsense, BotWanted
from cfsm.application.ports import Blobs, Misconfigured, TryAgain
from cfsm.application.tasks import Claim, LeaseLost, TaskKind
from cfsm.domain.aggregate import Recorded, Stamp
from cfsm.domain.evaluation import Conditions
from cfsm.domain.forward_account import (
    Account,
    agreement_of,
    comparison_of,
    evidence_of_account,
    figures_of_account,
    verdict_of,
)
from cfsm.domain.forward_test import ForwardTest, ForwardVerdict, Source
from cfsm.domain.lifecycle import State
from cfsm.domain.sequential_test import Evidence
from cfsm.domain.strategy import Reason, Strategy
from cfsm.domain.trades import Trade
from cfsm.workers.base import Equipment, Worker

TRADES = "trades"
MISSED_MS = 60_000
"""A bot that is silent for longer does not watch: it died, the machine slept, or the clock was set."""

MOST_STRATEGY_ERRORS = 20
"""So often may a strategy raise before it has made any trade; then it is broken."""


@dataclass(frozen=True)
class Pace:
    """How often a bot is looked at (seconds of ours), and how often that becomes an event (seconds of its clock)."""

    look_seconds: float = 2.0
    observe_seconds: float = 21_600.0
    stall_seconds: float = 300.0
    """So long may a bot's clock stand still, or its API be silent."""

    most_restarts: int = 5
    """So often is a bot started again that has not come further meanwhile."""


@dataclass
class Watch:
    """A bot under watch: whose task it is, and when something was last done about it (monotonic seconds)."""

    claim: Claim
    bot: Bot
    step_ms: int
    renewed_at: float
    looked_at: float = 0.0
    moved_at: float = 0.0
    answered_at: float = 0.0
    progress: float = -1.0
    deaths: int = 0
    is_down: bool = False
    observed_ms: int = 0
    seen_ms: int = 0
    closed_trades: int = -1
    words: str = ""
    log: Any = field(default=None)


class DryRunner(Worker):
    """Runs as many bots as it has slots, each for a claimed task, and watches them in turn.

    ``plan`` asks for the next forward test while a slot is free (the best of those who wait); ``trades_of`` gives the
    trades of a run by its id; ``timeframe_ms`` the length of a strategy's candles.
    """

    name: ClassVar[str] = "dry_runner"
    kinds: ClassVar[tuple[TaskKind, ...]] = (TaskKind.FORWARD_TEST,)

    def __init__(
        self,
        equipment: Equipment,
        bots: Bots,
        blobs: Blobs,
        *,
        slots: int,
        pace: Pace,
        plan: Callable[[], None],
        trades_of: Callable[[str], Sequence[Trade]],
        timeframe_ms: Callable[[Strategy], int],
    ) -> None:
        super().__init__(equipment)
        self._bots = bots
        self._blobs = blobs
        self._slots = slots
        self._pace = pace
        self._plan = plan
        self._trades_of = trades_of
        self._timeframe_ms = timeframe_ms
        self._watched: list[Watch] = []
        self._refusal = ""

    def run(self) -> None:
        """Work until told to stop; then every bot is stopped, and its task given back for whoever comes next."""
        try:
            super().run()
        finally:
            for watch in self._watched:
                watch.bot.stop()
                self._give_back(watch)

    def step(self) -> bool:
        """Take a forward test on if there is a slot, and look at every bot whose time has come."""
        started = self._start_one()
        for watch in list(self._watched):
            if time.monotonic() - watch.looked_at >= self._pace.look_seconds:
                self._look(watch)
        self.say(self._words())
        return started

    def _words(self) -> str:
        waits = f"; takes on no more: {self._refusal}" if self._refusal else ""
        return ("; ".join(watch.words for watch in self._watched) or "idle") + waits

    # Beginning

    def _start_one(self) -> bool:
        self._refusal = self._equipment.refusal() if len(self._watched) < self._slots else ""
        self.record.waits_because = self._refusal
        if len(self._watched) >= self._slots or self._refusal:
            return False
        self.factory.plan()
        claim = self.factory.claim(self.kinds, self._equipment.terms.lease_seconds)
        if claim is None:
            self._plan()
            return False
        try:
            self._begin(claim)
        except LeaseLost:
            self.log.warning("lease lost: another worker has the task", TASK=claim.key)
        except Misconfigured:
            self.factory.put_back(claim, self._equipment.terms.retry_seconds, counted=False)
            raise
        except TryAgain as error:  # the gateway is away, the disk full
            self.log.warning("cannot start a bot yet", error=str(error), TASK=claim.key)
            self.factory.put_back(claim, self._equipment.terms.retry_seconds, counted=False)
        return True

    def _begin(self, claim: Claim) -> None:
        test = self.factory.get(ForwardTest, UUID(claim.subject))
        strategy = self.factory.get(Strategy, UUID(test.strategy_id))
        if claim.tries > self._equipment.terms.max_attempts and not test.has_progressed:
            self.factory.park(claim, f"{claim.tries - 1} attempts in a row saw nothing new")
            self.log.error("parked: see `cfsm status`", TASK=claim.key)
            return
        if test.is_over or strategy.is_retired:
            self._call_off(claim)
            return
        bot = self._bots.start(self._wanted(test, strategy))
        try:
            self.factory.transact(lambda: self._taken_on(claim))
        except BaseException:
            bot.stop()
            raise
        now = time.monotonic()
        watch = Watch(claim, bot, self._timeframe_ms(strategy), now, 0.0, now, now)
        watch.observed_ms = max(test.observed_ms, test.span.begin_ms)
        watch.seen_ms = int(self.factory.stamp(claim).at.timestamp() * 1_000)
        watch.log = self.log.bind(STRATEGY_ID=strategy.id.hex, strategy=strategy.name, TASK=claim.key)
        watch.words = f"{strategy.name} starts"
        self._watched.append(watch)
        watch.log.info("bot started", source=test.source.value, attempt=test.attempt + 1)

    def _wanted(self, test: ForwardTest, strategy: Strategy) -> BotWanted:
        parameters = self._blobs.get(strategy.parameters_hash).decode() if strategy.parameters_hash else None
        return BotWanted(
            key=test.key,
            strategy_name=strategy.name,
            source=self._blobs.get(strategy.code_hash),
            parameters=parameters,
            conditions=Conditions(**{**test.conditions, "pairs": tuple(test.conditions["pairs"])}),
            candles=test.source,
            span=test.span,
            mode=test.mode,
        )

    def _taken_on(self, claim: Claim) -> Iterable[Recorded]:
        """Keep that a bot watches from now on, and that none did since it was last seen."""
        test, strategy = self._started(claim)
        stamp = self.factory.stamp(claim, correlation=str(strategy.id))
        test.was_away(test.last_seen_ms, int(stamp.at.timestamp() * 1_000), stamp)
        return [test, strategy]

    def _started(self, claim: Claim) -> tuple[ForwardTest, Strategy]:
        test, strategy, stamp = self._about(claim)
        test.begin(self._bots.engine, stamp)
        if strategy.state is not State.DRY_RUN:
            strategy.start_dry_run(f"{test.source} {test.id}", stamp)
        return test, strategy

    def _call_off(self, claim: Claim) -> None:
        def decide() -> Iterable[Recorded]:
            test, _, stamp = self._about(claim)
            test.fail("called off: the strategy was retired", (), stamp)
            return [test]

        self.factory.transact(decide, claim)
        self.log.info("called off", TASK=claim.key)

    # Watching

    def _look(self, watch: Watch) -> None:
        watch.looked_at = time.monotonic()
        self.feed()
        try:
            self._renew(watch)
            state = watch.bot.state()
            if state.exit_words:
                self._died(watch, state)
            elif state.is_over_quota:
                self._fail(watch, Reason.UNSAFE, "over_quota", "its bot fills the disk beyond its share")
            else:
                self._judge(watch, state)
        except LeaseLost:
            watch.log.warning("lease lost: another worker has the task")
            self._drop(watch)
        except BotsTellNonsense as error:
            self._fail(watch, Reason.FORGED, "nonsense", f"what its bot says cannot be: {error}")
        except TryAgain as error:
            self._silent(watch, str(error))

    def _judge(self, watch: Watch, state: BotState) -> None:
        if state.progress != watch.progress:
            watch.progress, watch.moved_at = state.progress, time.monotonic()
        account = watch.bot.account()
        watch.answered_at = time.monotonic()
        test = self._with_time_missed(watch, account.at_ms)
        if test.source is Source.LIVE:
            account = replace(account, is_at_end=account.at_ms >= test.end_ms)
        evidence = evidence_of_account(test, account)
        verdict = verdict_of(test, account, evidence)
        watch.words = f"{test.strategy_name} {state.progress:.0%}, {len(account.closed)} trades"
        if account.strategy_errors >= MOST_STRATEGY_ERRORS and not (account.closed or account.open):
            words = f"it raised {account.strategy_errors} times and never traded; the bot's log has the tracebacks"
            self._fail(watch, Reason.BROKEN, "raises", words)
        elif verdict is not None:
            self._conclude(watch, test, account, evidence, *verdict)
        elif self.factory.get(Strategy, UUID(test.strategy_id)).is_retired:
            self._call_off(watch.claim)
            self._drop(watch)
        elif test.source is Source.REPLAY and time.monotonic() - watch.moved_at > self._pace.stall_seconds:
            words = f"its bot did not come further within {self._pace.stall_seconds:g} s at {state.progress:.1%}"
            self._fail(watch, Reason.BROKEN, "hangs", words)
        else:
            self._observe(watch, test, account, evidence)

    def _with_time_missed(self, watch: Watch, at_ms: int) -> ForwardTest:
        """Give the forward test; of a live one, the time in which its bot gave no answer is kept as missed."""
        seen_ms, watch.seen_ms = watch.seen_ms, at_ms
        test = self.factory.get(ForwardTest, UUID(watch.claim.subject))
        if test.source is not Source.LIVE or at_ms - seen_ms < MISSED_MS + 2_000 * self._pace.look_seconds:
            return test
        watch.log.warning("no bot watched for a while", seconds=(at_ms - seen_ms) // 1_000)

        def decide() -> Iterable[Recorded]:
            test, _, stamp = self._about(watch.claim)
            test.was_away(seen_ms, at_ms, stamp)
            return [test]

        self.factory.transact(decide)
        return self.factory.get(ForwardTest, UUID(watch.claim.subject))

    def _observe(self, watch: Watch, test: ForwardTest, account: Account, evidence: Evidence) -> None:
        """Record how it stands: once in a while, and sooner only where trades were closed."""
        passed = (account.at_ms - watch.observed_ms) / 1_000
        wait = self._pace.observe_seconds
        if passed < (wait if len(account.closed) != watch.closed_trades else 4 * wait):
            return
        figures = figures_of_account(test, account)

        def decide() -> Iterable[Recorded]:
            test, _, stamp = self._about(watch.claim)
            test.observe(account.at_ms, figures, evidence, stamp)
            return [test]

        self.factory.transact(decide)
        watch.observed_ms, watch.closed_trades = account.at_ms, len(account.closed)

    def _died(self, watch: Watch, state: BotState) -> None:
        """Start a bot again that ended: its trades and its clock are on the disk.

        Where it cannot be started (no gateway, no room on the disk) it is tried again, and that is no death of its own.
        """
        if state.progress > watch.progress:
            watch.deaths = 0
        watch.progress = max(watch.progress, state.progress)
        if not watch.is_down:
            watch.deaths, watch.is_down = watch.deaths + 1, True
            watch.log.warning("bot died", how=state.exit_words, times=watch.deaths)
        if watch.deaths > self._pace.most_restarts:
            refusal = self._equipment.refusal()
            if refusal:  # a machine without room or memory kills the best of them
                watch.words = f"waits: {refusal}"
                return
            words = f"its bot ended {watch.deaths} times without coming further; last: {state.exit_words}"
            self._fail(watch, Reason.BROKEN, "dies", words)
            return
        watch.words = f"started again after: {state.exit_words}"
        watch.bot.restart()
        watch.is_down = False
        self.factory.transact(lambda: self._started(watch.claim))
        watch.answered_at = watch.moved_at = time.monotonic()

    def _silent(self, watch: Watch, words: str) -> None:
        silent_seconds = time.monotonic() - watch.answered_at
        if silent_seconds > self._pace.stall_seconds:
            watch.log.warning("bot is silent", error=words, seconds=round(silent_seconds))
            watch.bot.stop()  # the next look finds it ended, and starts it again

    # Ending

    def _conclude(
        self,
        watch: Watch,
        test: ForwardTest,
        account: Account,
        evidence: Evidence,
        verdict: ForwardVerdict,
        detail: str,
    ) -> None:
        faults = watch.bot.faults(account)
        if faults:
            self._fail(watch, Reason.FORGED, "impossible_trades", "; ".join(faults))
            return
        figures = figures_of_account(test, account)
        theirs = self._trades_of(test.same_days_run_id) if test.same_days_run_id else ()
        blobs = {TRADES: self._blobs.put(orjson.dumps([asdict(trade) for trade in account.closed]))}

        def decide() -> Iterable[Recorded]:
            test, strategy, stamp = self._about(watch.claim)
            test.conclude(
                verdict,
                detail,
                at_ms=account.at_ms,
                figures=figures,
                evidence=evidence,
                comparison=comparison_of(test, figures, evidence),
                agreement=agreement_of(test, account, theirs, watch.step_ms),
                blobs=blobs,
                stamp=stamp,
            )
            if verdict is ForwardVerdict.WORSE:
                strategy.retire(Reason.WORSE_THAN_PROMISED, detail, stamp, _evidence(test, evidence))
            return [test, strategy]

        watch.bot.stop()
        self.factory.transact(decide, watch.claim)
        watch.log.info("forward test concluded", EVENT=ForwardTest.Concluded.TOPIC, verdict=verdict.value, why=detail)
        self.record.done += 1
        self._drop(watch)
        self._bots.forget(test.key)

    def _fail(self, watch: Watch, reason: Reason, code: str, words: str) -> None:
        finding = {"code": code, "message": words}
        key = self.factory.get(ForwardTest, UUID(watch.claim.subject)).key

        def decide() -> Iterable[Recorded]:
            test, strategy, stamp = self._about(watch.claim)
            test.fail(words, [finding], stamp)
            strategy.retire(reason, words, stamp, {"forward_test": str(test.id), "findings": [finding]})
            return [test, strategy]

        watch.bot.stop()
        self.factory.transact(decide, watch.claim)
        watch.log.warning("forward test failed", EVENT=ForwardTest.Failed.TOPIC, why=words)
        self.record.failed += 1
        self.record.last_error = words
        self._drop(watch)
        self._bots.forget(key)

    def _drop(self, watch: Watch) -> None:
        watch.bot.stop()
        self._watched.remove(watch)

    def _give_back(self, watch: Watch) -> None:
        try:
            self.factory.put_back(watch.claim, 0, counted=False)
        except TryAgain as error:  # then the lease runs out
            watch.log.warning("the task could not be given back", error=str(error))

    def _renew(self, watch: Watch) -> None:
        lease_seconds = self._equipment.terms.lease_seconds
        now = time.monotonic()
        if now - watch.renewed_at >= min(lease_seconds / 3, self._pace.look_seconds * 2):
            self.factory.renew(watch.claim, lease_seconds, watch.words)
            watch.renewed_at = now

    def _about(self, claim: Claim) -> tuple[ForwardTest, Strategy, Stamp]:
        test = self.factory.get(ForwardTest, UUID(claim.subject))
        strategy = self.factory.get(Strategy, UUID(test.strategy_id))
        return test, strategy, self.factory.stamp(claim, correlation=str(strategy.id))


def _evidence(test: ForwardTest, evidence: Evidence) -> Mapping[str, Any]:
    return {
        "forward_test": str(test.id),
        "promised_by": test.promised_by,
        "promise": test.promise.as_mapping(),
        **evidence.as_mapping(),
    }
