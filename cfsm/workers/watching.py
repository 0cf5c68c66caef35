"""Lets asynchronous work go on while its worker feeds the watchdog, shows what goes on and keeps the lease."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

BEAT_SECONDS = 0.5

Result = TypeVar("Result")


def watched(
    work: Coroutine[Any, Any, Result], tick: Callable[[], None], call_off: Callable[[], None] = lambda: None
) -> Result:
    """Give what the work gives; ``tick`` is called twice a second meanwhile.

    What ``tick`` raises ends the work: ``call_off`` is called, then the work is cancelled and waited for.
    """
    return asyncio.run(_watched(work, tick, call_off))


async def _watched(work: Coroutine[Any, Any, Result], tick: Callable[[], None], call_off: Callable[[], None]) -> Result:
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=BEAT_SECONDS))[0]:
            tick()
    except BaseException:
        call_off()
        task.cancel()
        with suppress(BaseException):  # how it ended is of no matter: it was called off
            await task
        raise
    return task.result()
