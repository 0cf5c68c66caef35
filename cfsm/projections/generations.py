"""Generations: every request for a strategy, how far its conversation with models is, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar

import orjson

from cfsm.domain.generation import Generation
from cfsm.domain.log import LogEntry
from cfsm.projections.base import Facts, Projection, View, chosen, handles
from cfsm.projections.facts import hex_of, text_of


class GenerationState(StrEnum):
    """Where a generation is."""

    RUNNING = "running"
    CONCLUDED = "concluded"
    FAILED = "failed"


@dataclass(slots=True)
class GenerationRow:
    """What the table keeps of one generation; ``place`` is the id of the event that began it."""

    id: str
    place: int
    mode: str
    strategy_type: str
    model: str
    seed: str
    why: str
    requested: str
    updated: str
    state: str
    channel: str = ""
    writers: str = "[]"
    attempts: int = 0
    asked: int = 0
    answered: int = 0
    failed_answers: int = 0
    proposals: int = 0
    executed: int = 0
    traded: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    seconds: float = 0.0
    winner: str = ""
    winner_model: str = ""
    decided_by: str = ""
    fallbacks: str = "[]"
    strategy_id: str = ""
    strategy_name: str = ""
    failure: str = ""


class Generations(Projection):
    """Folds the events of generations into what is known of each."""

    name = "generations"
    version = 1

    def __init__(self) -> None:
        super().__init__()
        self._generations = self.table("generations", GenerationRow, ("place", "state"))

    @handles(Generation.Requested)
    def _requested(self, entry: LogEntry, facts: Facts) -> None:
        self._generations.put(
            GenerationRow(
                id=entry.originator_id,
                place=entry.id,
                mode=facts["mode"],
                strategy_type=facts["strategy_type"],
                model=facts["model"],
                seed=str(facts["seed"]),
                why=facts["why"],
                requested=facts["timestamp"],
                updated=facts["timestamp"],
                state=GenerationState.RUNNING.value,
            )
        )

    @handles(Generation.Planned)
    def _planned(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._changed(entry, facts):
            row.mode, row.channel, row.attempts = facts["mode"], facts["channel"], facts["attempt"]
            row.writers = text_of(facts["writers"])

    @handles(Generation.Resumed)
    def _resumed(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._changed(entry, facts):
            row.attempts = facts["attempt"]

    @handles(Generation.Asked)
    def _asked(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._changed(entry, facts):
            row.asked += 1

    @handles(Generation.Answered)
    def _answered(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._changed(entry, facts):
            row.answered += 1
            _spend(row, facts)

    @handles(Generation.AnswerFailed)
    def _answer_failed(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._changed(entry, facts):
            row.failed_answers += 1
            _spend(row, facts)

    @handles(Generation.Proposed)
    def _proposed(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._changed(entry, facts):
            row.proposals += 1

    @handles(Generation.Executed)
    def _executed(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._changed(entry, facts):
            row.executed += 1

    @handles(Generation.Screened)
    def _screened(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._changed(entry, facts):
            row.traded += facts["outcome"] == "traded"

    @handles(Generation.Voted, Generation.Judged)
    def _said(self, entry: LogEntry, facts: Facts) -> None:
        self._changed(entry, facts)

    @handles(Generation.FellBack)
    def _fell_back(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._changed(entry, facts):
            told = {name: facts[name] for name in ("kind", "before", "after", "reason")}
            row.fallbacks = text_of([*orjson.loads(row.fallbacks), told])

    @handles(Generation.Decided)
    def _decided(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._changed(entry, facts):
            row.winner, row.winner_model, row.decided_by = facts["winner"], facts["model"], facts["decided_by"]

    @handles(Generation.Concluded)
    def _concluded(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._changed(entry, facts):
            row.state = GenerationState.CONCLUDED.value
            row.strategy_id, row.strategy_name = hex_of(facts["strategy_id"]), facts["strategy_name"]

    @handles(Generation.Failed)
    def _failed(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._changed(entry, facts):
            row.state, row.failure = GenerationState.FAILED.value, facts["reason"]

    def _changed(self, entry: LogEntry, facts: Facts) -> GenerationRow | None:
        row = self._generations.change(entry.originator_id)
        if row is not None:
            row.updated = facts["timestamp"]
        return row


def _spend(row: GenerationRow, facts: Facts) -> None:
    row.prompt_tokens += facts["prompt_tokens"]
    row.answer_tokens += facts["answer_tokens"]
    row.seconds += facts["seconds"]


@dataclass(frozen=True)
class Told:
    """One generation. ``seconds`` is the models' time, ``fallbacks`` who took over from whom and why."""

    id: str
    place: int
    mode: str
    strategy_type: str
    model: str
    seed: int
    why: str
    requested: str
    updated: str
    state: str
    channel: str
    writers: Sequence[str]
    attempts: int
    asked: int
    answered: int
    failed_answers: int
    proposals: int
    executed: int
    traded: int
    prompt_tokens: int
    answer_tokens: int
    seconds: float
    winner: str
    winner_model: str
    decided_by: str
    fallbacks: Sequence[Mapping[str, str]]
    strategy_id: str
    strategy_name: str
    failure: str


class NoSuchGeneration(LookupError):
    """No generation has this id or made this strategy, or more than one does; the message says which."""


class GenerationsView(View):
    """Answers which generations there are and what came of them. Lists begin with the newest."""

    projection: ClassVar[type[Projection]] = Generations

    def select(
        self, *, mode: str | None = None, state: str | None = None, model: str | None = None, limit: int | None = None
    ) -> list[Told]:
        """Give the generations for which all that is given holds; ``model`` is one of the writers or the winner's."""
        asked: list[tuple[str, Any]] = [
            ("mode = ?", mode),
            ("state = ?", state),
            ("instr(writers || winner_model, ?) > 0", model),
        ]
        return self._list(*chosen(asked, "place DESC", limit))

    def find(self, query: str) -> Told:
        """Give the generation with this id (or its beginning), or of this strategy's name. Raise NoSuchGeneration."""
        found = self._list("WHERE strategy_name = ? ORDER BY place LIMIT 2", query) if query else []
        if query and not found:
            found = self._list("WHERE instr(id, ?) = 1 ORDER BY place LIMIT 2", hex_of(query).lower())
        if not found:
            raise NoSuchGeneration(f"no generation has the id {query!r}; see `cfsm generations list`")
        if len(found) > 1:
            raise NoSuchGeneration(f"several generations begin with {query!r}; give more of the id")
        return found[0]

    def _list(self, rest: str, *parameters: Any) -> list[Told]:
        columns = ", ".join(GenerationRow.__slots__)
        rows = self._source.rows(f"SELECT {columns} FROM generations {rest}", *parameters)
        return [_told(GenerationRow(*row)) for row in rows]


def _told(row: GenerationRow) -> Told:
    lists = {name: orjson.loads(getattr(row, name)) for name in ("writers", "fallbacks")}
    return Told(**asdict(row) | lists | {"seed": int(row.seed), "seconds": round(row.seconds, 3)})
