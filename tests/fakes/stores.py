"""What tests of the event store do to one: strategies to record, a clock to set, the tables from behind."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cfsm.application.factory import Factory
from cfsm.domain.aggregate import Stamp
from cfsm.domain.strategy import Origin, Strategy

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class SetClock:
    """Tells the time that it was set to."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def jump(self, **by: float) -> None:
        self.at += timedelta(**by)


def name(number: int) -> str:
    return f"VolatilityStrategy_phi3_20261121_120000_{number + 2}"


def strategy(number: int, stamp: Stamp, **others: object) -> Strategy:
    """Give a new strategy; the same number is the same name."""
    facts = {
        "name": name(number),
        "strategy_type": "volatility",
        "model_used": "phi3",
        "origin": Origin.PREDEFINED,
        "code_hash": f"{number:064x}",
        "normalised_hash": f"{number:064x}",
        "parameters": {"period": number},
    }
    return Strategy.generate(**{**facts, **others}, stamp=stamp)


def generate(factory: Factory, numbers: Sequence[int] | range) -> list[Strategy]:
    """Record new strategies, one transaction each."""
    made = []
    for number in numbers:
        new = strategy(number, factory.stamp())
        factory.transact(lambda new=new: [new])
        made.append(new)
    return made


def execute(factory: Factory, statement: str, *parameters: object) -> None:
    """Run a statement behind the event store's back."""
    database = factory.store.database
    with database.transaction() as cursor:
        cursor.execute(database.sql(statement), parameters)
