"""An engine that runs nothing: what it answers stands in the strategy's text.

Lines that it reads, anywhere in the source:

- ``import os``: unsafe. ``raise``: the indicators fail. ``# trades: 12``: so many trades, else 20; with 0 it is rejected.
- ``# profit: 0.01``: the mean profit ratio of a trade. ``# world: down``: TryAgain.
- ``# gain: 0.002``: what the mean gains for each step of the parameter ``x`` above 5; ``# overfit``: on the first days
  only. ``# no spaces``: it has no parameters. ``# remembers``: epochs trade otherwise than backtests. ``# slow``: an
  epoch with an odd ``x`` breaks.
"""

import hashlib
import random
import re
from dataclasses import replace
from datetime import UTC, datetime

import orjson

from cfsm.application.ports import BrokenStrategy, Misconfigured, TryAgain
from cfsm.domain.evaluation import (
    STAGE_PERCENT,
    BacktestOutcome,
    Finding,
    Identity,
    Stage,
    ValidationOutcome,
    Verdict,
)
from cfsm.domain.hyperopt import Dimension, Epoch, Search
from cfsm.domain.metrics import measure
from cfsm.domain.trades import Trade

START_MS = 1_735_689_600_000
HOUR_MS = 3_600_000
DEFAULT_TRADES = 20
DIMENSIONS = (
    Dimension("x", "buy", low=0, high=10, is_whole=True),
    Dimension("stoploss", "stoploss", low=-0.3, high=-0.02, step=0.01),
)
FIRST_DAYS = "20250101-20250130"


def _sha(text):
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode()).hexdigest()


def _span(timerange):
    """Give when trading begins and ends; sixty days where no timerange bounds it."""
    begin, _, end = timerange.partition("-")
    if not (begin and end):
        return START_MS, START_MS + 60 * 24 * HOUR_MS
    days = (datetime.strptime(each, "%Y%m%d").replace(tzinfo=UTC) for each in (begin, end))
    return tuple(int(day.timestamp() * 1000) for day in days)


def _moment(milliseconds):
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


class FakeEngine:
    """Implements the port; knows the datasets that it is given."""

    def __init__(self, datasets=("synthetic",)):
        self._datasets = datasets
        self.jobs = []
        self.rows = []
        """The rows of candidates that were tried."""

    @property
    def name(self):
        return "fake-1/scripted/1"

    def validate(self, job, report):
        self._begin(job, report)
        findings = self._findings(job)
        if not findings and self._count(job) == 0:
            findings = [Finding("NO_TRADES", "There were entry signals but no trade.", None, "Loosen the conditions.")]
        report(Stage.COMPLETED, 100.0, "")
        unsafe = any(found.code.startswith("POLICY") for found in findings)
        verdict = Verdict.UNSAFE if unsafe else Verdict.REJECTED if findings else Verdict.ACCEPTED
        executed = not unsafe
        return ValidationOutcome(
            verdict=verdict,
            findings=tuple(findings),
            identity=self._identity(job),
            seconds=0.01,
            timeframe="1h" if executed else "",
            can_short=executed,
            startup_candle_count=30 if executed else 0,
            signals={"enter_long": 10} if executed else {},
        )

    def second_opinion(self, job, report):
        return self.validate(job, report)

    def backtest(self, job, report):
        self._begin(job, report)
        findings = self._findings(job)
        if findings:
            raise BrokenStrategy(*findings)
        for stage in (Stage.ANALYZING, Stage.BACKTESTING, Stage.GENERATING_REPORT):
            report(stage, float(STAGE_PERCENT[stage]), "")
        start_ms, end_ms = _span(job.conditions.timerange)
        trades = tuple(self._trades(job, start_ms, end_ms))
        report(Stage.COMPLETED, 100.0, "")
        profit = sum(trade.profit_abs for trade in trades)
        return BacktestOutcome(
            trades=trades,
            statistics={
                "total_trades": len(trades),
                "profit_total": profit / job.conditions.dry_run_wallet,
                "profit_total_abs": profit,
                "profit_factor": 1.5,
                "max_drawdown_account": 0.1,
                "winrate": 0.5,
                "sharpe": 1.0,
            },
            identity=self._identity(job),
            result_hash=_sha(repr(trades)),
            timeframe="1h",
            backtest_start=_moment(start_ms),
            backtest_end=_moment(end_ms),
            seconds=0.02,
            stage_seconds={"backtesting": 0.01},
        )

    def spaces(self, job, spaces, report):
        self._begin(job, report)
        findings = self._findings(job)
        if findings:
            raise BrokenStrategy(*findings)
        known = () if b"# no spaces" in job.source else DIMENSIONS
        return Search(tuple(each for each in known if each.space in spaces))

    def try_epochs(self, job, spaces, candidates, report):
        self.rows.append(list(candidates))
        self._begin(job, report)
        findings = self._findings(job)
        if findings:
            raise BrokenStrategy(*findings)
        epochs = []
        for number, candidate in enumerate(candidates, start=1):
            report(Stage.BACKTESTING, 50.0, f"{number} of {len(candidates)}")
            if b"# slow" in job.source and candidate["x"] % 2:
                raise BrokenStrategy(Finding("LIMIT_TIME", "The run was ended"))
            parameters = {each.space: {each.name: candidate[each.name]} for each in DIMENSIONS if each.space in spaces}
            text = orjson.dumps({"params": parameters}).decode()
            outcome = self.backtest(replace(job, parameters=text), lambda *_: None)
            self.jobs.pop()
            figures = measure(
                outcome.trades, job.conditions.dry_run_wallet, outcome.backtest_start, outcome.backtest_end
            ).figures()
            remembered = " as remembered" if b"# remembers" in job.source else ""
            epochs.append(Epoch(parameters, figures, outcome.result_hash + remembered))
        return tuple(epochs)

    def _begin(self, job, report):
        self.jobs.append(job)
        report(Stage.LOADING_DATA, 0.0, "")
        if b"# world: down" in job.source:
            raise TryAgain("The world is down")
        if job.conditions.dataset not in self._datasets:
            raise Misconfigured(f"there is no dataset {job.conditions.dataset!r}")

    def _findings(self, job):
        for line, text in enumerate(job.source.decode("utf-8", "replace").splitlines(), start=1):
            if text.strip().startswith("import os"):
                return [Finding("POLICY_IMPORT", "`os` is not for strategies", line, "Do without it.")]
            if text.strip().startswith("raise "):
                return [Finding("INDICATORS_FAILED", text.strip(), line, "Correct what the message names.")]
        return []

    def _count(self, job):
        match = re.search(rb"# trades: (\d+)", job.source)
        return int(match.group(1)) if match else DEFAULT_TRADES

    def _trades(self, job, start_ms, end_ms):
        match = re.search(rb"# profit: (-?[\d.]+)", job.source)
        mean = float(match.group(1)) if match else 0.01
        mean += self._gain(job)
        draw = random.Random(_sha(job.source))
        count = self._count(job)
        step_hours = min(24, (end_ms - start_ms) // HOUR_MS // (count + 1))
        for number in range(count):
            opened = start_ms + number * step_hours * HOUR_MS
            ratio = draw.gauss(mean, 0.02)
            yield Trade(
                pair="BTC/USDT:USDT",
                is_short=False,
                open_date=opened,
                close_date=opened + 3 * HOUR_MS,
                open_rate=100.0,
                close_rate=100.0 * (1 + ratio),
                amount=1.0,
                stake_amount=100.0,
                leverage=1.0,
                fee_open=0.0005,
                fee_close=0.0005,
                funding_fees=0.0,
                profit_abs=100.0 * ratio,
                profit_ratio=ratio,
                exit_reason="roi",
            )

    def _gain(self, job):
        match = re.search(rb"# gain: (-?[\d.]+)", job.source)
        parameters = orjson.loads(job.parameters)["params"] if job.parameters else {}
        steps = parameters.get("buy", {}).get("x", 5) - 5
        is_seen = job.conditions.timerange in ("", FIRST_DAYS) or b"# overfit" not in job.source
        return float(match.group(1)) * steps if match and is_seen else steps * -1e-9

    def _identity(self, job):
        return Identity(
            code_hash=_sha(job.source),
            parameters_hash=_sha(job.parameters or ""),
            data_hash=_sha(job.conditions.dataset),
            config_hash=_sha(repr(job.conditions)),
            engine=self.name,
        )
