"""Forward tests, promises and accounts for tests; and bots that are no processes."""

from cfsm.application.bots import BotState
from cfsm.application.errors import TryAgain
from cfsm.domain.evaluation import Conditions
from cfsm.domain.forward_account import Account
from cfsm.domain.forward_test import ForwardTest, ForwardVerdict, Source, Span
from cfsm.domain.promise import DAY_MS, Promise
from cfsm.domain.sequential_test import TestRules, evidence_of
from cfsm.domain.strategy import Strategy
from cfsm.domain.trades import Trade
from cfsm.domain.trading_mode import Mode

HOUR_MS = 3_600_000
BEGIN_MS = 1_744_070_400_000  # 2025-04-08

PROMISE = Promise(
    trades=200,
    bundles=120,
    days=36.0,
    bundle_seconds=3600,
    return_mean=0.004,
    return_deviation=0.015,
    return_floor=0.002,
    return_cap=0.05,
    return_worst=-0.03,
    rate=5.5,
    rate_floor=4.5,
    dispersion=1.2,
)


def span(days=2.0, begin_ms=BEGIN_MS):
    return Span(begin_ms=begin_ms, end_ms=int(begin_ms + days * DAY_MS), spread_bps=1.0, seed=0, step_ms=75_000)


def forward_test(name, *, stamp, number=1, source=Source.REPLAY, promise=PROMISE, days=2.0, begin_ms=0, run_id=""):
    return ForwardTest.request(
        strategy_name=name,
        strategy_id=Strategy.id_of(name),
        number=number,
        source=source,
        mode=Mode.SHADOW,
        conditions=Conditions("synthetic"),
        span=span(days, begin_ms or BEGIN_MS),
        promise=promise,
        promised_by="run",
        same_days_run_id=run_id,
        rules=TestRules(),
        why="a test",
        stamp=stamp,
    )


def evidence(test, at_ms, trades=()):
    return evidence_of(test.promise, trades, test.span.begin_ms, test.span.begin_ms + at_ms, test.rules)


def conclude(test, stamp, verdict=ForwardVerdict.KEPT):
    test.conclude(
        verdict,
        "as promised",
        at_ms=2 * DAY_MS,
        figures={"total_trades": 3},
        evidence=evidence(test, 2 * DAY_MS),
        comparison={},
        agreement={},
        blobs={},
        stamp=stamp,
    )


def trade(open_ms, profit_ratio=0.01, hold_ms=HOUR_MS, pair="BTC/USDT:USDT", **facts):
    given = {
        "pair": pair,
        "is_short": False,
        "open_date": int(open_ms),
        "close_date": int(open_ms + hold_ms),
        "open_rate": 100.0,
        "close_rate": 101.0,
        "amount": 1.0,
        "stake_amount": 100.0,
        "leverage": 1.0,
        "fee_open": 0.0005,
        "fee_close": 0.0005,
        "funding_fees": 0.0,
        "profit_abs": 100 * profit_ratio,
        "profit_ratio": profit_ratio,
        "exit_reason": "roi",
    }
    return Trade(**given | facts)


class FakeBot:
    """A bot that is where the test says: ``at`` (share of the span), its trades, how it ended."""

    def __init__(self, wanted):
        self.wanted = wanted
        self.at = 0.0
        self.closed = ()
        self.open = ()
        self.errors = 0
        self.exit_words = ""
        self.is_over_quota = False
        self.raises = None
        self.restarts = 0
        self.is_stopped = False
        self.is_silent = False
        self.impossible = ()

    def state(self):
        return BotState("stopped" if self.is_stopped else self.exit_words, self.at, 100.0, self.is_over_quota)

    def account(self):
        if self.raises:
            raise self.raises
        if self.is_silent:
            raise TryAgain("the bot does not answer")
        length = self.wanted.span.end_ms - self.wanted.span.begin_ms
        at_ms = int(self.wanted.span.begin_ms + self.at * length)
        return Account(at_ms, tuple(self.closed), tuple(self.open), self.at >= 1.0, self.errors)

    def faults(self, account):
        return self.impossible

    def restart(self):
        self.restarts += 1
        self.exit_words = ""
        self.is_stopped = False

    def stop(self):
        self.is_stopped = True


class FakeBots:
    """Starts bots that are no processes."""

    engine = "freqtrade-0/fake"

    def __init__(self):
        self.started = []
        self.forgotten = []
        self.raises = None

    def start(self, wanted):
        if self.raises:
            raise self.raises
        self.started.append(FakeBot(wanted))
        return self.started[-1]

    def forget(self, key):
        self.forgotten.append(key)

    @property
    def last(self):
        return self.started[-1]
