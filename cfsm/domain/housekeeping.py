"""Housekeeping: cleanings that were asked for, and what they retired."""

from collections.abc import Sequence
from uuid import UUID

from cfsm.domain.aggregate import BeginningEvent, Recorded, RecordedEvent, Stamp
from cfsm.domain.naming import id_of


class Cleaning(Recorded):
    """One cleaning of the house: asked for by the clock or by a person, done once."""

    TOPIC = "Cleaning"

    class Requested(BeginningEvent):
        """A cleaning is due."""

        TOPIC = "Cleaning.Requested"
        why: str

    class Done(RecordedEvent):
        """The cleaning retired these strategies and kept the others."""

        TOPIC = "Cleaning.Done"
        retired: Sequence[str]
        kept: int

        def apply(self, aggregate: "Cleaning") -> None:
            aggregate.is_done = True

    def __init__(self, why: str) -> None:
        self.why = why
        self.is_done = False

    @classmethod
    def request(cls, slot: str, why: str, stamp: Stamp) -> "Cleaning":
        """Ask for the cleaning of this slot (``2026-11-21T02:00``); the same slot again is a conflict."""
        return cls._begin(cls.Requested, cls.id_of(slot), stamp, why=why)

    @staticmethod
    def id_of(slot: str) -> UUID:
        """Give the id of the cleaning of a slot."""
        return id_of("cleaning", slot)

    def finish(self, retired: Sequence[str], kept: int, stamp: Stamp) -> None:
        """Keep what was done."""
        if not self.is_done:
            self._record(self.Done, stamp, retired=list(retired), kept=kept)


class ParkedTask(Recorded):
    """A task whose last attempt failed: it waits for a person."""

    TOPIC = "ParkedTask"

    class Parked(BeginningEvent):
        """The task is set aside: after how many attempts, and the last error."""

        TOPIC = "ParkedTask.Parked"
        key: str
        kind: str
        subject: str
        attempts: int
        error: str

    class ParkedAgain(RecordedEvent):
        """The task was released and set aside once more."""

        TOPIC = "ParkedTask.ParkedAgain"
        attempts: int
        error: str

        def apply(self, aggregate: "ParkedTask") -> None:
            aggregate.is_parked = True

    class Released(RecordedEvent):
        """A person lets the task be tried again."""

        TOPIC = "ParkedTask.Released"

        def apply(self, aggregate: "ParkedTask") -> None:
            aggregate.is_parked = False

    def __init__(self, key: str, kind: str, subject: str, attempts: int, error: str) -> None:
        self.key = key
        self.kind = kind
        self.subject = subject
        self.attempts = attempts
        self.error = error
        self.is_parked = True

    @classmethod
    def park(cls, *, key: str, kind: str, subject: str, attempts: int, error: str, stamp: Stamp) -> "ParkedTask":
        """Set a task aside."""
        return cls._begin(
            cls.Parked,
            cls.id_of(key),
            stamp,
            key=key,
            kind=kind,
            subject=subject,
            attempts=attempts,
            error=error,
        )

    @staticmethod
    def id_of(key: str) -> UUID:
        """Give the id under which a task is parked."""
        return id_of("parked", key)

    def park_again(self, attempts: int, error: str, stamp: Stamp) -> None:
        """Set the task aside once more."""
        if not self.is_parked:
            self._record(self.ParkedAgain, stamp, attempts=attempts, error=error)

    def release(self, stamp: Stamp) -> None:
        """Let the task be tried again."""
        if self.is_parked:
            self._record(self.Released, stamp)
