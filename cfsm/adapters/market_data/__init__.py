"""Market data: datasets of futures candles in Freqtrade's layout: made, imported, described, hashed.

Nothing here imports Freqtrade or pandas; Freqtrade's downloader runs as a program of its own.
"""

from cfsm.adapters.market_data.candles import Candles, Gap
from cfsm.adapters.market_data.dataset import CandleFile, Dataset, Description, Kind, Problem, UnusableData
from cfsm.adapters.market_data.download import Downloader
from cfsm.adapters.market_data.series import CandleType, Series, funding_of, mark_of
from cfsm.adapters.market_data.store import DatasetStore
from cfsm.application.progress import Progress

__all__ = [
    "CandleFile",
    "CandleType",
    "Candles",
    "Dataset",
    "DatasetStore",
    "Description",
    "Downloader",
    "Gap",
    "Kind",
    "Problem",
    "Progress",
    "Series",
    "UnusableData",
    "funding_of",
    "mark_of",
]
