"""Runs: every evaluation, where it is, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

import orjson

from cfsm.domain.evaluation import STAGE_PERCENT, Evaluation, Kind, Stage
from cfsm.domain.log import LogEntry
from cfsm.projections.base import Facts, Projection, View, chosen, handles
from cfsm.projections.facts import hex_of, strategy_of, text_of


class RunState(StrEnum):
    """Whether a run goes on."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(slots=True)
class RunRow:
    """What the table keeps of one evaluation; ``place`` is the id of the event that began it."""

    id: str
    place: int
    kind: str
    strategy_id: str
    strategy_name: str
    code_hash: str
    conditions: str
    correlation: str
    actor: str
    started: str
    updated: str
    state: str
    attempts: int = 1
    stage: str = ""
    percent: int = 0
    verdict: str = ""
    seconds: float | None = None
    failure: str = ""
    result_hash: str = ""
    findings: str = "[]"
    figures: str = "{}"
    identity: str = "{}"
    blobs: str = "{}"


class Runs(Projection):
    """Folds the events of evaluations into what is known of each."""

    name = "runs"
    version = 1

    def __init__(self) -> None:
        super().__init__()
        self._runs = self.table("runs", RunRow, ("place", "strategy_id", "state"))

    @handles(Evaluation.Started)
    def _started(self, entry: LogEntry, facts: Facts) -> None:
        self._runs.put(
            RunRow(
                id=entry.originator_id,
                place=entry.id,
                kind=facts["kind"],
                strategy_id=hex_of(facts["strategy_id"]),
                strategy_name=facts["strategy_name"],
                code_hash=facts["code_hash"],
                conditions=text_of(facts["conditions"]),
                correlation=facts["meta"].get("correlation", ""),
                actor=facts["meta"].get("actor", ""),
                started=facts["timestamp"],
                updated=facts["timestamp"],
                state=RunState.RUNNING.value,
            )
        )

    @handles(Evaluation.Resumed)
    def _resumed(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._changed(entry, facts):
            row.attempts, row.stage, row.percent = facts["attempt"], "", 0
            row.conditions = text_of(facts["conditions"])
            row.actor = facts["meta"].get("actor", "")

    @handles(Evaluation.StageReached)
    def _stage_reached(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._changed(entry, facts):
            row.stage, row.percent = facts["stage"], facts["percent"]

    @handles(Evaluation.Completed)
    def _completed(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._changed(entry, facts):
            row.state, row.stage = RunState.COMPLETED.value, Stage.COMPLETED.value
            row.percent, row.verdict, row.seconds = STAGE_PERCENT[Stage.COMPLETED], facts["verdict"], facts["seconds"]
            row.result_hash, row.findings = facts["result_hash"], text_of(facts["findings"])
            row.figures, row.identity = text_of(facts["figures"]), text_of(facts["identity"])
            row.blobs = text_of(facts["blobs"])

    @handles(Evaluation.Failed)
    def _failed(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._changed(entry, facts):
            row.state, row.stage = RunState.FAILED.value, Stage.ERROR.value
            row.failure, row.findings = facts["reason"], text_of(facts["findings"])

    def _changed(self, entry: LogEntry, facts: Facts) -> RunRow | None:
        row = self._runs.change(entry.originator_id)
        if row is not None:
            row.updated = facts["timestamp"]
        return row


@dataclass(frozen=True)
class Run:
    """One evaluation. ``percent`` is that of the last stage reached; ``seconds`` None until it is completed."""

    id: str
    place: int
    kind: str
    strategy_id: str
    strategy_name: str
    code_hash: str
    conditions: Mapping[str, Any]
    correlation: str
    actor: str
    started: str
    updated: str
    state: str
    attempts: int
    stage: str
    percent: int
    verdict: str
    seconds: float | None
    failure: str
    result_hash: str
    findings: Sequence[Mapping[str, Any]]
    figures: Mapping[str, Any]
    identity: Mapping[str, str]
    blobs: Mapping[str, str]


class NoSuchRun(LookupError):
    """No run has this id, or more than one begins with it; the message says which."""


class RunsView(View):
    """Answers which runs there are and where they are. Lists begin with the newest."""

    projection: ClassVar[type[Projection]] = Runs

    def select(
        self,
        *,
        kind: Kind | str | None = None,
        state: RunState | str | None = None,
        strategy: str | None = None,
        verdict: str | None = None,
        limit: int | None = None,
    ) -> list[Run]:
        """Give the runs for which all that is given holds; ``strategy`` is a strategy's name or id."""
        asked: list[tuple[str, Any]] = [
            ("kind = ?", kind and str(kind)),
            ("state = ?", state and str(state)),
            ("strategy_id = ?", strategy and strategy_of(strategy)),
            ("verdict = ?", verdict),
        ]
        return self._list(*chosen(asked, "place DESC", limit))

    def active(self) -> list[Run]:
        """Give the runs that are under way."""
        return self.select(state=RunState.RUNNING)

    def find(self, query: str) -> Run:
        """Give the run with this id, or the only one whose id begins with it. Raise NoSuchRun."""
        identity = hex_of(query).lower()
        found = self._list("WHERE instr(id, ?) = 1 ORDER BY place LIMIT 2", identity)
        if not identity or not found:
            raise NoSuchRun(f"no run has the id {query!r}; see `cfsm runs list`")
        if len(found) > 1:
            raise NoSuchRun(f"several runs begin with {query!r}; give more of the id")
        return found[0]

    def _list(self, rest: str, *parameters: Any) -> list[Run]:
        columns = ", ".join(RunRow.__slots__)
        rows = self._source.rows(f"SELECT {columns} FROM runs {rest}", *parameters)
        return [_run(dict(zip(RunRow.__slots__, row, strict=True))) for row in rows]


def _run(kept: dict[str, Any]) -> Run:
    decoded = ("conditions", "findings", "figures", "identity", "blobs")
    return Run(**kept | {name: orjson.loads(kept[name]) for name in decoded})
