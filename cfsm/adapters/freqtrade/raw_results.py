"""What a caged run hands back, as plain data, before anybody believes it."""

from dataclasses import dataclass, field
from typing import Any

from cfsm.domain.evaluation import Finding
from cfsm.domain.hyperopt import Value

REQUIRED_COLUMNS = frozenset(
    {
        *(
            "pair",
            "is_short",
            "is_open",
            "open_timestamp",
            "close_timestamp",
            "trade_duration",
            "enter_tag",
            "exit_reason",
        ),
        *("open_rate", "close_rate", "min_rate", "max_rate", "liquidation_price", "fee_open", "fee_close", "orders"),
        *("stake_amount", "max_stake_amount", "amount", "leverage", "funding_fees", "profit_ratio", "profit_abs"),
        *("initial_stop_loss_abs", "initial_stop_loss_ratio", "stop_loss_abs", "stop_loss_ratio"),
    }
)


@dataclass(frozen=True)
class Settings:
    """What the strategy set that the statistics and the audit read, and what the run counted."""

    timeframe: str
    startup_candle_count: int
    max_open_trades: int
    can_short: bool
    fee: float
    rejected_signals: int = 0
    timedout_entry_orders: int = 0
    timedout_exit_orders: int = 0
    canceled_trade_entries: int = 0
    canceled_entry_orders: int = 0
    replaced_entry_orders: int = 0


@dataclass(frozen=True)
class RawValidation:
    """The answer to a validation."""

    findings: tuple[Finding, ...]
    timeframe: str = ""
    can_short: bool = False
    startup_candle_count: int = 0
    signals: dict[str, int] = field(default_factory=dict)
    microseconds_per_candle: float = 0.0


@dataclass(frozen=True)
class RawBacktest:
    """The answer to a backtest: either findings that kept it from ending, or trades by columns."""

    findings: tuple[Finding, ...]
    logged: tuple[Finding, ...] = ()
    trades: dict[str, list[Any]] = field(default_factory=dict)
    start_ms: int = 0
    end_ms: int = 0
    settings: Settings | None = None
    stage_seconds: dict[str, float] = field(default_factory=dict)


TRADE_COLUMNS = REQUIRED_COLUMNS - {"orders"}
"""What the trades of an epoch have: their orders are looked at where its parameters are backtested by themselves."""


@dataclass(frozen=True)
class RawSpaces:
    """The answer to the question for spaces; ``dimensions`` are not looked at yet."""

    findings: tuple[Finding, ...]
    dimensions: list[dict[str, Any]] = field(default_factory=list)
    is_analysed_once: bool = True


@dataclass(frozen=True)
class RawEpoch:
    """One epoch: its trades by columns, or what the strategy did wrong; and the parameters as exported."""

    findings: tuple[Finding, ...] = ()
    trades: dict[str, list[Any]] = field(default_factory=dict)
    parameters: dict[str, dict[str, Value]] = field(default_factory=dict)


@dataclass(frozen=True)
class RawEpochs:
    """The answer to a row of epochs: either findings that kept them from beginning, or one answer for each."""

    findings: tuple[Finding, ...]
    epochs: tuple[RawEpoch, ...] = ()
    start_ms: int = 0
    end_ms: int = 0
    settings: Settings | None = None
