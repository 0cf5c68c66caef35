"""The market gateway: Binance's USDT-M REST surface on loopback, for all bots and for the factory's own candles.

Two backends behind it: ``replay`` makes every answer from the candles of a dataset on a clock that the bot steps, and
``live`` passes on what the real exchange says, asked once for all. Nothing here imports Freqtrade or pandas.
"""
