"""The symbols of a replay: what ``exchangeInfo`` says of them, made from a dataset's markets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PERPETUAL_DELIVERY_MS = 4_133_404_800_000
_ONBOARD_MS = 1_569_398_400_000
_MOST_DIGITS = 10
_ORDER_TYPES = (
    "LIMIT",
    "MARKET",
    "STOP",
    "STOP_MARKET",
    "TAKE_PROFIT",
    "TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET",
)


@dataclass(frozen=True)
class Symbol:
    """One pair as the exchange lists it. ``tick`` is the smallest step of its price."""

    pair: str
    name: str
    price_digits: int
    amount_digits: int
    facts: Mapping[str, Any]

    @property
    def tick(self) -> float:
        """The smallest step of the price."""
        return float(next(each["tickSize"] for each in self.facts["filters"] if each["filterType"] == "PRICE_FILTER"))


def symbol_of(market: Mapping[str, Any]) -> Symbol:
    """Make a symbol from ccxt's description of a market; the exchange's own words in it are kept."""
    price, amount = float(market["precision"]["price"]), float(market["precision"]["amount"])
    own = market.get("info") or {}
    facts = {**own, "status": "TRADING"} if own.get("filters") else _facts(market, price, amount)
    return Symbol(market["symbol"], facts["symbol"], digits_of(price), digits_of(amount), facts)


def digits_of(step: float) -> int:
    """Give the decimal digits of a tick."""
    return next((digits for digits in range(_MOST_DIGITS) if round(step, digits) == step), _MOST_DIGITS)


def _facts(market: Mapping[str, Any], price: float, amount: float) -> dict[str, Any]:
    limits = market["limits"]
    tick, step = f"{price:.{digits_of(price)}f}", f"{amount:.{digits_of(amount)}f}"
    most_amount, most_price = f"{limits['amount']['max'] or 1e9:.0f}", f"{limits['price']['max'] or 1e9:.0f}"
    lot = {"stepSize": step, "minQty": step, "maxQty": most_amount}
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": most_price, "tickSize": tick},
        {"filterType": "LOT_SIZE", **lot},
        {"filterType": "MARKET_LOT_SIZE", **lot},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MIN_NOTIONAL", "notional": f"{limits['cost']['min'] or 5:g}"},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500", "multiplierDecimal": "4"},
    ]
    return {
        "symbol": market["id"],
        "pair": market["id"],
        "contractType": "PERPETUAL",
        "deliveryDate": _PERPETUAL_DELIVERY_MS,
        "onboardDate": _ONBOARD_MS,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": market["base"],
        "quoteAsset": market["quote"],
        "marginAsset": market["settle"],
        "pricePrecision": digits_of(price),
        "quantityPrecision": digits_of(amount),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": filters,
        "orderTypes": list(_ORDER_TYPES),
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "permissionSets": ["GRID", "COPY", "DCA", "PSB"],
    }
