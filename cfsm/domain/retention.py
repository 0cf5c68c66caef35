"""Which strategies a cleaning retires: the too old, the weak, and those beyond the limit. A pure decision."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from cfsm.domain.lifecycle import State
from cfsm.domain.strategy import Reason

_SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRules:
    """How many strategies stay, how long, and how good. None switches a rule off."""

    max_strategies: int
    max_strategy_age_days: float | None = None
    min_backtest_score: float | None = None

    def __post_init__(self) -> None:
        if self.max_strategies < 0:
            raise ValueError("max_strategies must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a cleaning, and the calendar, know of one strategy.

    ``score`` is the backtest's, None where there was no backtest or it gave none (no trades, a ruined
    account); ``last_backtest`` is None where there was none. ``is_out_of_sample`` says that the score is.
    """

    name: str
    state: State
    created_on: datetime
    score: float | None = None
    last_backtest: datetime | None = None
    total_trades: int = 0
    is_out_of_sample: bool = False
    is_optimization_asked: bool = False

    def __post_init__(self) -> None:
        if self.created_on.tzinfo is None:
            raise ValueError(f"{self.name}: created_on has no time zone")
        if self.score is not None and not isfinite(self.score):
            raise ValueError(f"{self.name}: the score {self.score} is not a number; give None")


@dataclass(frozen=True, slots=True)
class Retirement:
    """One strategy to be retired: why, in words, and the evidence as plain data."""

    name: str
    reason: Reason
    detail: str
    evidence: dict[str, Any]


def to_retire(summaries: Iterable[Summary], rules: RetentionRules, now: datetime) -> list[Retirement]:
    """Give the strategies to retire: the too old (oldest first), the weak (weakest first), then the surplus.

    Weak is only what was backtested with a score below the rule; what has no score yet is unproven, not weak.
    Surplus go in this order: backtested without a score, never backtested (oldest first), backtested by
    score; strategies in dry run only after all others. The same summaries in any order give the same list.
    """
    old: list[Retirement] = []
    weak: list[Retirement] = []
    kept: list[Summary] = []
    alive = [each for each in summaries if each.state is not State.RETIRED]
    for each in sorted(alive, key=_by_age):
        if retirement := _too_old(each, rules, now):
            old.append(retirement)
        else:
            kept.append(each)
    ranked = sorted(kept, key=_by_worth)
    kept = []
    for each in ranked:
        if retirement := _weak(each, rules):
            weak.append(retirement)
        else:
            kept.append(each)
    return [*old, *weak, *_surplus(kept, rules)]


def _by_age(summary: Summary) -> tuple[datetime, str]:
    return summary.created_on, summary.name


def _by_worth(summary: Summary) -> tuple[bool, int, float, datetime, str]:
    if summary.last_backtest is None:
        promise, score = 1, 0.0
    elif summary.score is None:
        promise, score = 0, 0.0
    else:
        promise, score = 2, summary.score
    return summary.state is State.DRY_RUN, promise, score, *_by_age(summary)


def _too_old(summary: Summary, rules: RetentionRules, now: datetime) -> Retirement | None:
    limit = rules.max_strategy_age_days
    age_days = (now - summary.created_on).total_seconds() / _SECONDS_A_DAY
    if limit is None or age_days <= limit:
        return None
    evidence = {
        "created_on": summary.created_on.isoformat(),
        "age_days": round(age_days, 3),
        "max_strategy_age_days": limit,
    }
    detail = f"{age_days:.1f} days old; max_strategy_age_days is {limit:g}"
    return Retirement(summary.name, Reason.TOO_OLD, detail, evidence)


def _weak(summary: Summary, rules: RetentionRules) -> Retirement | None:
    limit = rules.min_backtest_score
    if limit is None or summary.last_backtest is None or summary.score is None or summary.score >= limit:
        return None
    evidence = {
        "score": summary.score,
        "min_backtest_score": limit,
        "last_backtest": summary.last_backtest.isoformat(),
    }
    detail = f"backtest score {summary.score:.4g}; min_backtest_score is {limit:g}"
    return Retirement(summary.name, Reason.WEAK, detail, evidence)


def _surplus(kept: Sequence[Summary], rules: RetentionRules) -> Iterator[Retirement]:
    detail = f"{len(kept)} strategies; max_strategies is {rules.max_strategies}"
    for place, summary in enumerate(kept[: max(0, len(kept) - rules.max_strategies)], start=1):
        evidence = {
            "strategies": len(kept),
            "max_strategies": rules.max_strategies,
            "place_from_the_end": place,
            "score": summary.score,
            "last_backtest": summary.last_backtest and summary.last_backtest.isoformat(),
        }
        yield Retirement(summary.name, Reason.SURPLUS, detail, evidence)
