"""Forward tests: each one asked for, where its bot is, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

import orjson

from cfsm.domain.forward_test import ForwardTest
from cfsm.domain.log import LogEntry
from cfsm.projections.base import Facts, Projection, View, chosen, handles
from cfsm.projections.facts import hex_of, strategy_of, text_of


class ForwardState(StrEnum):
    """Where a forward test is."""

    REQUESTED = "requested"
    RUNNING = "running"
    CONCLUDED = "concluded"
    FAILED = "failed"


UNDER_WAY = (ForwardState.REQUESTED, ForwardState.RUNNING)


@dataclass(slots=True)
class ForwardTestRow:
    """What the table keeps of one forward test; ``place`` is the id of the event that asked for it."""

    id: str
    place: int
    strategy_id: str
    strategy_name: str
    number: int
    source: str
    mode: str
    state: str
    span: str
    promise: str
    promised_by: str
    rules: str
    why: str
    requested: str
    updated: str
    attempts: int = 0
    engine: str = ""
    observations: int = 0
    at_ms: int = 0
    stop_wanted: str = ""
    verdict: str = ""
    detail: str = ""
    figures: str = "{}"
    evidence: str = "{}"
    comparison: str = "{}"
    agreement: str = "{}"
    findings: str = "[]"
    blobs: str = "{}"


class ForwardTests(Projection):
    """Folds the events of forward tests into what is known of each."""

    name = "forward_tests"
    version = 1

    def __init__(self) -> None:
        super().__init__()
        self._tests = self.table("forward_tests", ForwardTestRow, ("place", "strategy_id", "state"))

    @handles(ForwardTest.Requested)
    def _requested(self, entry: LogEntry, facts: Facts) -> None:
        self._tests.put(
            ForwardTestRow(
                id=entry.originator_id,
                place=entry.id,
                strategy_id=hex_of(facts["strategy_id"]),
                strategy_name=facts["strategy_name"],
                number=facts["number"],
                source=facts["source"],
                mode=facts["mode"],
                state=ForwardState.REQUESTED.value,
                span=text_of(facts["span"]),
                promise=text_of(facts["promise"]),
                promised_by=facts["promised_by"],
                rules=text_of(facts["rules"]),
                why=facts["why"],
                requested=facts["timestamp"],
                updated=facts["timestamp"],
            )
        )

    @handles(ForwardTest.Started, ForwardTest.Resumed)
    def _began(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._changed(entry, facts):
            row.state, row.engine = ForwardState.RUNNING.value, facts["engine"]
            row.attempts = facts.get("attempt", 1)

    @handles(ForwardTest.Observed)
    def _observed(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._changed(entry, facts):
            row.observations += 1
            self._stand(row, facts)

    @handles(ForwardTest.StopRequested)
    def _stop_requested(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._changed(entry, facts):
            row.stop_wanted = facts["why"]

    @handles(ForwardTest.Concluded)
    def _concluded(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._changed(entry, facts):
            row.state, row.verdict, row.detail = ForwardState.CONCLUDED.value, facts["verdict"], facts["detail"]
            row.comparison, row.agreement = text_of(facts["comparison"]), text_of(facts["agreement"])
            row.blobs = text_of(facts["blobs"])
            self._stand(row, facts)

    @handles(ForwardTest.Failed)
    def _failed(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._changed(entry, facts):
            row.state, row.detail = ForwardState.FAILED.value, facts["reason"]
            row.findings = text_of(facts["findings"])

    @staticmethod
    def _stand(row: ForwardTestRow, facts: Facts) -> None:
        row.at_ms = facts["at_ms"]
        row.figures, row.evidence = text_of(facts["figures"]), text_of(facts["evidence"])

    def _changed(self, entry: LogEntry, facts: Facts) -> ForwardTestRow | None:
        row = self._tests.change(entry.originator_id)
        if row is not None:
            row.updated = facts["timestamp"]
        return row


@dataclass(frozen=True)
class ForwardTestStory:
    """One forward test. ``at_ms`` is its bot's clock when it was last observed; 0 before."""

    id: str
    place: int
    strategy_id: str
    strategy_name: str
    number: int
    source: str
    mode: str
    state: str
    span: Mapping[str, Any]
    promise: Mapping[str, Any]
    promised_by: str
    rules: Mapping[str, Any]
    why: str
    requested: str
    updated: str
    attempts: int
    engine: str
    observations: int
    at_ms: int
    stop_wanted: str
    verdict: str
    detail: str
    figures: Mapping[str, Any]
    evidence: Mapping[str, Any]
    comparison: Mapping[str, Any]
    agreement: Mapping[str, Any]
    findings: list[Mapping[str, Any]]
    blobs: Mapping[str, str]

    @property
    def key(self) -> str:
        """The name of its folder."""
        return f"{self.strategy_name}-{self.number}"

    @property
    def progress(self) -> float:
        """How much of its span the bot had seen when it was last observed, 0 to 1."""
        begin, end = self.span["begin_ms"], self.span["end_ms"]
        return float(min(1.0, max(0.0, (self.at_ms - begin) / (end - begin))))


class ForwardTestsView(View):
    """Answers which forward tests there are and how they stand. Lists begin with the newest."""

    projection: ClassVar[type[Projection]] = ForwardTests

    def select(
        self, *, state: ForwardState | str | None = None, strategy: str | None = None, limit: int | None = None
    ) -> list[ForwardTestStory]:
        """Give the forward tests for which all that is given holds; ``strategy`` is a strategy's name or id."""
        asked: list[tuple[str, Any]] = [
            ("state = ?", state and str(state)),
            ("strategy_id = ?", strategy and strategy_of(strategy)),
        ]
        return self._list(*chosen(asked, "place DESC", limit))

    def under_way(self) -> list[ForwardTestStory]:
        """Give those that are asked for or run, the oldest first."""
        wanted = ", ".join(f"'{state}'" for state in UNDER_WAY)
        return self._list(f"WHERE state IN ({wanted}) ORDER BY place")

    def latest(self, strategy: str) -> ForwardTestStory | None:
        """Give a strategy's last forward test; None if there was none."""
        return next(iter(self.select(strategy=strategy, limit=1)), None)

    def tested(self) -> frozenset[str]:
        """Give the ids, in hex, of all strategies that were ever given a forward test."""
        return frozenset(row[0] for row in self._source.rows("SELECT DISTINCT strategy_id FROM forward_tests"))

    def _list(self, rest: str, *parameters: Any) -> list[ForwardTestStory]:
        columns = ", ".join(ForwardTestRow.__slots__)
        rows = self._source.rows(f"SELECT {columns} FROM forward_tests {rest}", *parameters)
        return [_story(dict(zip(ForwardTestRow.__slots__, row, strict=True))) for row in rows]


_DECODED = ("span", "promise", "rules", "figures", "evidence", "comparison", "agreement", "findings", "blobs")


def _story(kept: dict[str, Any]) -> ForwardTestStory:
    return ForwardTestStory(**kept | {name: orjson.loads(kept[name]) for name in _DECODED})
