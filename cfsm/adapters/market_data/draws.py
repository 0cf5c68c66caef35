"""Random numbers that are the same on every machine and under every version of numpy.

PCG64's raw 64-bit words are fixed by its definition; numpy's own distributions are not (their algorithms may
change between releases, and `log` differs in the last bit between processors). So normals are made from whole
numbers here.
"""

from zlib import crc32

import numpy as np

from cfsm.adapters.market_data.candles import Floats

_WORDS_PER_NORMAL = 3
_PIECES = 12  # 16-bit pieces in three words
_PIECE_VALUES = 65_536


class Draws:
    """An endless stream of random numbers for one purpose; equal seed and purpose give equal numbers."""

    def __init__(self, seed: int, purpose: str) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence([seed, crc32(purpose.encode())]))

    def uniforms(self, *shape: int) -> Floats:
        """Draw numbers evenly from (0, 1), neither end included."""
        words = self._words(int(np.prod(shape)))
        return ((words >> np.uint64(12)).astype(np.float64).reshape(shape) + 0.5) * 2.0**-52

    def normals(self, *shape: int) -> Floats:
        """Draw from nearly a standard normal: the sum of twelve even pieces (kurtosis 2.9, never beyond 6).

        Fat tails are the model's business, not the draw's.
        """
        words = self._words(int(np.prod(shape)) * _WORDS_PER_NORMAL)
        pieces = words.astype("<u8").view("<u2").reshape(-1, _PIECES)
        sums = pieces.sum(axis=1, dtype=np.int64)
        centred: Floats = sums - _PIECES * (_PIECE_VALUES - 1) / 2
        return (centred / _PIECE_VALUES).reshape(shape)

    def _words(self, count: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
        return np.asarray(self._bits.random_raw(count), dtype=np.uint64)
