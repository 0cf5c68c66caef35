"""Whatever is nobody's bug has an exit code that says what a script should do, and a message."""

import pytest

from cfsm.adapters.home_lock import HomeInUse, HomeUnusable
from cfsm.adapters.market_data import UnusableData
from cfsm.adapters.supervisor.control import CannotStop, StillRunning
from cfsm.application.errors import Cancelled, Misconfigured, TryAgain
from cfsm.application.event_mapper import EventTooNew
from cfsm.application.factory import NotThere
from cfsm.application.ports import BlobCorrupted, BlobMissing, BrokenStrategy
from cfsm.application.tasks import LeaseLost
from cfsm.cli.failures import exit_code_of, words_of
from cfsm.domain.evaluation import Finding
from cfsm.domain.log import LogEntry
from cfsm.projections.files import InUse
from cfsm.projections.projector import CannotWrite
from cfsm.projections.reading import NotBuilt, Unreadable
from cfsm.settings import ConfigurationError, Problem


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Misconfigured("m"), 78),
        (ConfigurationError([Problem("f", 1, "k", "m")]), 78),
        (HomeInUse("m"), 78),
        (HomeUnusable("m"), 78),
        (CannotStop("m"), 78),
        (UnusableData("m", [], "a"), 78),
        (EventTooNew(LogEntry(1, "0" * 32, 1, "Topic", b"{}")), 78),
        (TryAgain("m"), 75),
        (Cancelled("m"), 75),
        (LeaseLost("m"), 75),
        (InUse("m"), 75),
        (CannotWrite("m"), 75),
        (NotBuilt("m"), 75),
        (Unreadable("m"), 75),
        (StillRunning("m"), 1),
        (NotThere("m"), 1),
        (BlobMissing("m"), 1),
        (BlobCorrupted("m"), 1),
        (BrokenStrategy(Finding("CODE", "m")), 1),
        (PermissionError(13, "Permission denied", "/a/file"), 1),
        (ValueError("a bug"), None),
        (AssertionError(), None),
    ],
)
def test_an_error_says_what_a_script_should_do(error, code):
    assert exit_code_of(error) == code


def test_messages_are_sentences_not_reprs():
    assert words_of(NotThere("there is no such thing")) == "there is no such thing"
    assert words_of(PermissionError(13, "Permission denied", "/a/file")) == "/a/file: Permission denied"
    assert words_of(OSError(28, "No space left on device")) == "No space left on device"
