"""What PostgreSQL's errors ask of us: try again, let a person change something, or decide again."""

import psycopg
from psycopg import errors

from cfsm.adapters.event_store.errors import StoreDamaged, WrongStatement
from cfsm.application.errors import Conflict, Misconfigured, TryAgain

_DENIED = (
    errors.InsufficientPrivilege,
    errors.InvalidAuthorizationSpecification,
    errors.InvalidCatalogName,
    errors.ReadOnlySqlTransaction,
)
_DAMAGED = (errors.DataCorrupted, errors.IndexCorrupted, errors.UndefinedTable)
_REFUSED_AT_THE_DOOR = ("authentication failed", "no password supplied", "no pg_hba.conf entry", "does not exist")


def of_postgres(error: psycopg.Error, place: object) -> Exception:
    """Give the error to raise for one of PostgreSQL's about the database at ``place``."""
    words = " ".join(str(error).split())
    if isinstance(error, psycopg.IntegrityError):
        return Conflict(words)
    if isinstance(error, _DAMAGED):
        return StoreDamaged(place, words)
    refused = isinstance(error, psycopg.OperationalError) and any(text in words for text in _REFUSED_AT_THE_DOOR)
    if refused or isinstance(error, _DENIED):
        return Misconfigured(
            f"the event store {place} refuses us: {words}. Look at host, port, dbname, user and password under `store`"
            ", and at what the server grants that user."
        )
    if isinstance(error, psycopg.ProgrammingError):
        return WrongStatement(words)
    return TryAgain(f"the event store {place}: {words}")
