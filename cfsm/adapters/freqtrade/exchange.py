"""Freqtrade's exchange object without a network: its markets come from the dataset, its tiers from Freqtrade."""

from collections.abc import Iterable, Mapping
from typing import Any

from freqtrade.constants import Config
from freqtrade.exceptions import OperationalException
from freqtrade.exchange import Exchange
from freqtrade.resolvers import ExchangeResolver
from freqtrade.util import dt_ts

from cfsm.application.ports import Misconfigured

_A_CENTURY_MS = 100 * 365 * 86_400_000


def offline_exchange(config: Config, markets: Mapping[str, Any]) -> Exchange:
    """Build the exchange of this configuration from ccxt's description of its markets; nothing is asked of a network.

    Raise Misconfigured where the markets do not serve the configuration.
    """
    try:
        exchange = ExchangeResolver.load_exchange(config, validate=False, load_leverage_tiers=True)
        for ccxt_exchange in (exchange._api, exchange._api_async):  # noqa: SLF001 (ccxt is reachable only so)
            ccxt_exchange.set_markets(list(markets.values()))
        exchange._markets = exchange._api_async.markets  # noqa: SLF001 (what `reload_markets` does after asking)
        exchange._last_markets_refresh = dt_ts() + _A_CENTURY_MS  # noqa: SLF001 (never asked again)
        exchange.validate_config(config)
    except OperationalException as error:
        raise Misconfigured(f"Freqtrade refuses the exchange's markets: {error}") from error
    return exchange


def leverage_tiers(exchange: Exchange, pairs: Iterable[str]) -> dict[str, Any]:
    """Give the leverage tiers of these pairs. Raise Misconfigured where Freqtrade knows none for one."""
    tiers: dict[str, Any] = exchange._leverage_tiers  # noqa: SLF001 (there is no public way to all of them)
    without = [pair for pair in pairs if pair not in tiers]
    if without:
        raise Misconfigured(
            f"Freqtrade has no leverage tiers for {', '.join(without)}: leave these pairs out of `pairs`"
        )
    return {pair: tiers[pair] for pair in pairs}
