"""Epochs of one round in several sandboxes at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import chain, pairwise
from threading import Event

from cfsm.application.epochs import try_each
from cfsm.application.ports import Cancelled, HyperoptEngine
from cfsm.domain.evaluation import Job, Stage
from cfsm.domain.hyperopt import Candidate, Epoch

LOOK_SECONDS = 0.2

Tick = Callable[[str], None]
"""Hears in words how far it is, from the thread that asked; raises Cancelled or LeaseLost to end it."""


class SideBySide:
    """Tries candidates in as many sandboxes as there are engines. What comes out does not depend on how many."""

    def __init__(self, engines: Sequence[HyperoptEngine]) -> None:
        self._engines = engines

    def try_all(self, job: Job, spaces: Sequence[str], candidates: Sequence[Candidate], tick: Tick) -> list[Epoch]:
        """Give one epoch for each candidate, in their order.

        Raise what an engine or ``tick`` raises; all have ended by then.
        """
        if not candidates:
            return []
        parts = _parts(candidates, len(self._engines))
        stopping, said = Event(), [""] * len(parts)
        with ThreadPoolExecutor(len(parts)) as pool:
            futures = [
                pool.submit(try_each, engine, job, spaces, part, _listener(said, place, stopping))
                for place, (engine, part) in enumerate(zip(self._engines, parts, strict=False))
            ]
            try:
                _watch(futures, lambda: tick(", ".join(filter(None, said))))
                return list(chain.from_iterable(future.result() for future in futures))
            finally:
                stopping.set()


def _parts(candidates: Sequence[Candidate], most: int) -> list[Sequence[Candidate]]:
    """Divide evenly, in order."""
    count = min(most, len(candidates))
    ends = [len(candidates) * place // count for place in range(count + 1)]
    return [candidates[first:last] for first, last in pairwise(ends)]


def _watch(futures: Sequence[Future[list[Epoch]]], look: Callable[[], None]) -> None:
    """Look on until all are done or one has failed."""
    open_ones = set(futures)
    while open_ones:
        done, open_ones = wait(open_ones, LOOK_SECONDS)
        for future in done:
            future.result()
        look()


def _listener(said: list[str], place: int, stopping: Event) -> Callable[[Stage, float, str], None]:
    def hear(_: Stage, __: float, words: str) -> None:
        if stopping.is_set():
            raise Cancelled("the others have ended")
        said[place] = words

    return hear
