"""Freqtrade's own command line, unchanged but for the markets, which come from a file instead of the network.

``python -m tests.fakes.freqtrade_cli MARKETS.json backtesting ...``
"""

import json
import sys
import time
from pathlib import Path


def offline(markets):
    """Make every exchange take these markets."""
    from freqtrade.exchange import Exchange

    def reload_markets(self, force=False, *, load_leverage_tiers=True):
        for ccxt_exchange in (self._api, self._api_async):
            ccxt_exchange.set_markets(list(markets.values()))
        self._markets = self._api_async.markets
        self._last_markets_refresh = int(time.time() * 1000)

    Exchange.reload_markets = reload_markets


if __name__ == "__main__":
    offline(json.loads(Path(sys.argv[1]).read_text()))
    from freqtrade.main import main

    main(sys.argv[2:])
