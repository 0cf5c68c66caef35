"""How what is shown is kept up to date: by the projector that is at work, or by whoever asks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, TypeVar

from cfsm.application.errors import Misconfigured, TryAgain

if TYPE_CHECKING:  # imported where they are used: a question about the past needs few of them
    from cfsm.application.ports import Bell
    from cfsm.domain.log import Log
    from cfsm.projections.base import Projection, View
    from cfsm.projections.projector import Projector

ViewKind = TypeVar("ViewKind", bound="View")

CATCH_UP_SECONDS = 10.0
"""How long a question waits for a running projector to reach the head of the log."""

LOOK_SECONDS = 0.02
"""How often it looks."""


def view_of(kind: type[ViewKind], folder: Path, log: "Log", open_bell: "Callable[[], Bell]") -> ViewKind:
    """Give a view as it is now: brought up to date here, or by the projector that is at work.

    Where the disk takes nothing it is folded in memory. Raise TryAgain if the projector does not come to the end.
    """
    from cfsm.projections.files import InUse
    from cfsm.projections.projector import CannotWrite, Projector
    from cfsm.projections.reading import fold, read

    view = read(kind, folder)
    head = log.head()
    try:
        with Projector(kind.projection, folder) as projector:
            projector.catch_up(log)
    except InUse:
        _wait_for(view, head, open_bell)
    except CannotWrite:
        return view if _has_reached(view, head) else fold(kind, log)
    return view


def _wait_for(view: "View", head: int, open_bell: "Callable[[], Bell]") -> None:
    deadline = monotonic() + CATCH_UP_SECONDS
    bell = open_bell()
    try:
        while monotonic() < deadline:
            if _has_reached(view, head):
                return
            bell.wait(LOOK_SECONDS)
    finally:
        bell.close()
    raise TryAgain("the projector is at work and has not reached the last event yet")


def _has_reached(view: "View", head: int) -> bool:
    from cfsm.projections.reading import NotBuilt, Unreadable

    try:
        return view.position >= head
    except (NotBuilt, Unreadable):
        return False


def projector_of(projection: "type[Projection]", folder: Path) -> "Projector":
    """Take the right to write a projection; a question that brings it up to date, or a rebuild, has it for a while."""
    from structlog import get_logger

    from cfsm.projections.files import InUse
    from cfsm.projections.projector import Projector

    note = get_logger("projector").info
    deadline = monotonic() + CATCH_UP_SECONDS
    while True:
        try:
            with by_reaction():
                return Projector(projection, folder, note)
        except InUse as error:
            if monotonic() > deadline:
                raise TryAgain(str(error)) from error
        sleep(LOOK_SECONDS)


def catch_up(projector: "Projector", log: "Log", progress: Callable[[int, int], None]) -> int:
    """Take in what the log has beyond the projection. Raise TryAgain or Misconfigured."""
    with by_reaction():
        return projector.catch_up(log, progress=progress)


@contextmanager
def by_reaction() -> Iterator[None]:
    """Turn what a projection says into the reaction that a worker knows."""
    from cfsm.projections.base import CannotFold
    from cfsm.projections.fold import LogUnreadable
    from cfsm.projections.projector import CannotWrite
    from cfsm.projections.reading import NotBuilt, Unreadable

    try:
        yield
    except (CannotWrite, LogUnreadable, NotBuilt, Unreadable) as error:
        raise TryAgain(str(error)) from error
    except CannotFold as error:
        raise Misconfigured(str(error)) from error
