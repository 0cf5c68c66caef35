"""How much a bot may do; what real orders would need is said here, and nowhere done."""

from enum import StrEnum


class Mode(StrEnum):
    """How much a bot may do: trade on paper, do so and say more, or trade with money, which is refused."""

    SHADOW = "shadow"
    DEBUG = "debug"
    PRODUCTION = "production"


WHAT_PRODUCTION_NEEDS = (
    "CFSM sends no orders to an exchange: a bot trades on paper, in shadow or debug mode. Production would need a "
    "person's decision, keys of the exchange kept outside of the factory and its events, an executor that alone holds "
    "them, limits of loss that it enforces, and an approval of each strategy by name. None of it exists."
)


class ProductionRefused(Exception):
    """Real orders are asked for; the message says what they would need."""

    def __init__(self) -> None:
        super().__init__(WHAT_PRODUCTION_NEEDS)
