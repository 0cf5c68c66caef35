"""Processes that are killed with SIGKILL, at a moment that the test chooses."""

import os
import signal
from collections.abc import Callable
from typing import Any


def die() -> None:
    """Kill this process as ``kill -9`` does: nothing is closed, nothing is flushed."""
    os.kill(os.getpid(), signal.SIGKILL)


def dies(deed: Callable[[], Any]) -> bool:
    """Do the deed in a fork; say whether it was killed. Raise AssertionError if it failed otherwise."""
    child = os.fork()
    if child == 0:
        try:
            deed()
        except BaseException:  # noqa: BLE001 - told to the parent by the exit code
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status) == signal.SIGKILL
    assert os.WEXITSTATUS(status) == 0, "the fork failed: its traceback is above"
    return False


def dies_at_call(number: int, *functions: tuple[Any, str]) -> None:
    """From now on the process dies before the call of this number (from 1) to any of these functions."""
    calls = 0

    def deadly(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == number:
                die()
            return original(*args, **kwargs)

        return call

    for owner, name in functions:
        setattr(owner, name, deadly(getattr(owner, name)))
