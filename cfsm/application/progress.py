"""How far long work is, told to whoever waits for it."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Hears how far long work is: what is being done, how much is done, how much there is."""


def silent(what: str, done: int, whole: int) -> None:
    """Tell nobody how far the work is."""
