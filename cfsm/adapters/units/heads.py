"""The heads of the log that the coordinator noted in the journal, out of the reach of whoever can write the log."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cfsm.adapters.units.layout import Scope, installed_for
from cfsm.adapters.units.logs import records
from cfsm.application.errors import Misconfigured
from cfsm.domain.chain import HEAD_NOTED

COORDINATOR = "cfsm-coordinator@1.service"


@dataclass(frozen=True)
class NotedHead:
    """A head: the place and the link of an event that was the last one then."""

    place: int
    link: str
    at: datetime


def noted_heads(home: Path) -> list[NotedHead]:
    """Give the heads that were noted of a home's log, the oldest first. Raise Misconfigured without units or journal.

    Only records of the coordinator's unit count: which unit a record is of is the journal's word, not the writer's.
    """
    layout = installed_for(home)
    if layout is None:
        raise Misconfigured(
            f"no units of systemd run the factory of {home}: its heads are in no journal. "
            "`cfsm history verify --head` takes one that you wrote down."
        )
    field = "_SYSTEMD_USER_UNIT" if layout.scope is Scope.USER else "_SYSTEMD_UNIT"
    return list(_heads(records(layout.scope, [f"{field}={COORDINATOR}", f"EVENT={HEAD_NOTED}", f"FACTORY={home}"])))


def _heads(found: Iterable[Mapping[str, Any]]) -> Iterable[NotedHead]:
    for record in found:
        at = datetime.fromtimestamp(int(record["__REALTIME_TIMESTAMP"]) / 1e6, UTC)
        yield NotedHead(int(record["CHAIN_PLACE"]), str(record["CHAIN_LINK"]), at)
