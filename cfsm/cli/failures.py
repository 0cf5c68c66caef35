"""Errors that are nobody's bug, as a message and an exit code. Looked up only when one is on its way to the user."""

from cfsm.application.errors import Cancelled, Misconfigured, TryAgain
from cfsm.cli.output import EXIT_CONFIGURATION, EXIT_FAILED, EXIT_TRY_AGAIN


def exit_code_of(error: BaseException) -> int | None:
    """Give the exit code that says what a script should do; None for what only a bug raises."""
    if isinstance(error, Misconfigured):
        return EXIT_CONFIGURATION
    if isinstance(error, (TryAgain, Cancelled, *_passing())):
        return EXIT_TRY_AGAIN
    return EXIT_FAILED if isinstance(error, _lasting()) else None


def words_of(error: BaseException) -> str:
    """Give the message, as a sentence."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    return str(error.args[0]) if len(error.args) == 1 else str(error)


def _passing() -> tuple[type[Exception], ...]:
    """Give the errors that pass by themselves, or once somebody makes room."""
    from cfsm.application.tasks import LeaseLost
    from cfsm.projections.files import InUse
    from cfsm.projections.projector import CannotWrite
    from cfsm.projections.reading import NotBuilt, Unreadable

    return (LeaseLost, InUse, CannotWrite, NotBuilt, Unreadable)


def _lasting() -> tuple[type[Exception], ...]:
    """Give the errors that stay until a person does something about what they name."""
    from cfsm.adapters.supervisor.control import StillRunning
    from cfsm.application.factory import NotThere
    from cfsm.application.ports import BlobCorrupted, BlobMissing, BrokenStrategy
    from cfsm.projections.base import CannotFold

    return (StillRunning, NotThere, BlobCorrupted, BlobMissing, BrokenStrategy, CannotFold, OSError)
