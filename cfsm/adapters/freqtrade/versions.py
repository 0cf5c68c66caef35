"""Who runs the strategies: the engine's name, and the versions that a result depends on."""

import platform
from functools import cache
from importlib.metadata import version

_REVISION = 1
"""Raised whenever the same strategy on the same candles could come out differently."""


@cache
def engine_name(*, stock: bool) -> str:
    """Name the engine, as in ``freqtrade-2026.9/stock/1``."""
    return f"freqtrade-{version('freqtrade')}/{'stock' if stock else 'fast'}/{_REVISION}"


@cache
def engine_identity(*, stock: bool) -> str:
    """Name the engine and all that computes in it: libraries, Python, processor architecture."""
    libraries = " ".join(f"{name}-{version(name)}" for name in ("pandas", "numpy", "ta-lib"))
    return f"{engine_name(stock=stock)} {libraries} python-{platform.python_version()} {platform.machine()}"
