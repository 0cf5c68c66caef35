"""Models: every proposal that a model was asked for, and how far it came; and how fast the models answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from cfsm.domain.conversation import Purpose, ScreenOutcome
from cfsm.domain.evaluation import Verdict
from cfsm.domain.generation import Generation
from cfsm.domain.log import LogEntry
from cfsm.domain.strategy import Strategy
from cfsm.projections.base import Facts, Projection, View, handles
from cfsm.projections.facts import hex_of, trade_count

WRITING = frozenset({Purpose.WRITE.value, Purpose.SYNTHESIS.value, Purpose.IMPLEMENTATION.value})
"""What a model is asked for when a proposal begins; repairs go on with one."""


@dataclass(slots=True)
class ProposalRow:
    """One proposal: who was asked for it how, and what came of it. Flags are 0 or 1.

    ``is_valid_at_once`` counts what was executed and accepted without another question to a model. ``strategy_id`` is
    empty unless it won. Tokens are those of the answers, seconds those of the models.
    """

    id: str
    place: int
    generation_id: str
    mode: str
    strategy_type: str
    channel: str
    model: str
    prompt: str
    version: str
    purpose: str
    answers: int = 0
    failed_answers: int = 0
    repairs_asked: int = 0
    is_valid_at_once: int = 0
    is_valid: int = 0
    traded: int = 0
    tokens: int = 0
    seconds: float = 0.0
    strategy_id: str = ""


@dataclass(slots=True)
class PointerRow:
    """Which proposal's row is meant: by a generation's step or proposal, by a strategy; or a generation's mode."""

    id: str
    target: str


@dataclass(slots=True)
class SpeedRow:
    """How a model's answers went: one exact set of weights (``digest``). Seconds and tokens are sums."""

    id: str
    model: str
    digest: str
    last: str
    answers: int = 0
    tokens: int = 0
    answer_seconds: float = 0.0
    prompt_tokens: int = 0
    prompt_seconds: float = 0.0


class Models(Projection):
    """Folds the conversations with models into what works."""

    name = "models"
    version = 1

    def __init__(self) -> None:
        super().__init__()
        self._proposals = self.table("proposals", ProposalRow, ("generation_id",))
        self._pointers = self.table("pointers", PointerRow)
        self._speeds = self.table("speeds", SpeedRow)

    @handles(Generation.Requested)
    def _requested(self, entry: LogEntry, facts: Facts) -> None:
        self._point(f"type/{entry.originator_id}", facts["strategy_type"])

    @handles(Generation.Planned)
    def _planned(self, entry: LogEntry, facts: Facts) -> None:
        self._point(f"mode/{entry.originator_id}", facts["mode"])

    @handles(Generation.Asked)
    def _asked(self, entry: LogEntry, facts: Facts) -> None:
        step, proposal = f"{entry.originator_id}/step/{facts['step']}", self._of_proposal(entry, facts)
        if facts["purpose"] in WRITING:
            self._point(step, step)
            self._point(proposal, step)
            self._proposals.put(self._begun(entry, facts, step))
        elif facts["purpose"] == Purpose.REPAIR and (target := self._target(proposal)):
            self._point(step, target)
            if row := self._proposals.change(target):
                row.repairs_asked += 1

    def _begun(self, entry: LogEntry, facts: Facts, key: str) -> ProposalRow:
        return ProposalRow(
            id=key,
            place=entry.id,
            generation_id=entry.originator_id,
            mode=self._target(f"mode/{entry.originator_id}"),
            strategy_type=self._target(f"type/{entry.originator_id}"),
            channel=facts["channel"],
            model=facts["model"],
            prompt=facts["prompt_name"],
            version=facts["prompt_version"],
            purpose=facts["purpose"],
        )

    @handles(Generation.Answered)
    def _answered(self, entry: LogEntry, facts: Facts) -> None:
        self._measure(facts)
        if row := self._of_step(entry, facts):
            row.answers += 1
            row.tokens, row.seconds = row.tokens + facts["answer_tokens"], row.seconds + facts["seconds"]

    @handles(Generation.AnswerFailed)
    def _answer_failed(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._of_step(entry, facts):
            row.failed_answers += 1
            row.tokens, row.seconds = row.tokens + facts["answer_tokens"], row.seconds + facts["seconds"]

    @handles(Generation.Executed)
    def _executed(self, entry: LogEntry, facts: Facts) -> None:
        row = self._of_step(entry, facts)
        if row is not None and facts["verdict"] == Verdict.ACCEPTED:
            row.is_valid = 1
            row.is_valid_at_once = int(row.is_valid_at_once or row.repairs_asked == 0)

    @handles(Generation.Screened)
    def _screened(self, entry: LogEntry, facts: Facts) -> None:
        row = self._of_step(entry, facts)
        if row is not None and facts["outcome"] == ScreenOutcome.TRADED:
            row.traded = 1

    @handles(Generation.Decided)
    def _decided(self, entry: LogEntry, facts: Facts) -> None:
        self._point(f"winner/{entry.originator_id}", self._target(f"{entry.originator_id}/step/{facts['step']}"))

    @handles(Generation.Concluded)
    def _concluded(self, entry: LogEntry, facts: Facts) -> None:
        winner = self._target(f"winner/{entry.originator_id}")
        if row := self._proposals.change(winner):
            row.strategy_id = hex_of(facts["strategy_id"])
            self._point(f"strategy/{row.strategy_id}", winner)

    @handles(Strategy.Validated)
    def _validated(self, entry: LogEntry, _: Facts) -> None:
        if row := self._of_strategy(entry):
            row.is_valid = 1

    @handles(Strategy.Backtested)
    def _backtested(self, entry: LogEntry, facts: Facts) -> None:
        row = self._of_strategy(entry)
        if row is not None and trade_count(facts["figures"]):
            row.traded = 1

    def _measure(self, facts: Facts) -> None:
        key = f"{facts['model']}/{facts['digest']}"
        row = self._speeds.change(key)
        if row is None:
            row = SpeedRow(key, facts["model"], facts["digest"], facts["timestamp"])
            self._speeds.put(row)
        row.last = facts["timestamp"]
        row.answers += 1
        if facts["answer_seconds"] > 0:
            row.tokens += facts["answer_tokens"]
            row.answer_seconds += facts["answer_seconds"]
        if facts["prompt_seconds"] > 0:
            row.prompt_tokens += facts["prompt_tokens"]
            row.prompt_seconds += facts["prompt_seconds"]

    def _of_step(self, entry: LogEntry, facts: Facts) -> ProposalRow | None:
        return self._proposals.change(self._target(f"{entry.originator_id}/step/{facts['step']}"))

    def _of_strategy(self, entry: LogEntry) -> ProposalRow | None:
        return self._proposals.change(self._target(f"strategy/{entry.originator_id}"))

    @staticmethod
    def _of_proposal(entry: LogEntry, facts: Facts) -> str:
        return f"{entry.originator_id}/proposal/{facts['proposal']}"

    def _point(self, key: str, target: str) -> None:
        self._pointers.put(PointerRow(key, target))

    def _target(self, key: str) -> str:
        row = self._pointers.change(key)
        return row.target if row is not None else ""


@dataclass(frozen=True)
class MeasuredSpeed:
    """How fast a model wrote in all its answers here: tokens a second, None where the server did not say."""

    model: str
    digest: str
    answers: int
    answer_tokens_per_second: float | None
    prompt_tokens_per_second: float | None
    last: str


class ModelsView(View):
    """Answers how far the models' proposals came, and how fast the models are."""

    projection: ClassVar[type[Projection]] = Models

    def proposals(self) -> Sequence[ProposalRow]:
        """Give all proposals, in the order in which they were asked for."""
        columns = ", ".join(ProposalRow.__slots__)
        return [ProposalRow(*row) for row in self._source.rows(f"SELECT {columns} FROM proposals ORDER BY place, id")]

    def speeds(self) -> Sequence[MeasuredSpeed]:
        """Give how fast each model was, by name."""
        columns = ", ".join(SpeedRow.__slots__)
        rows: list[tuple[Any, ...]] = self._source.rows(f"SELECT {columns} FROM speeds ORDER BY model, digest")
        return [_speed(SpeedRow(*row)) for row in rows]


def _speed(row: SpeedRow) -> MeasuredSpeed:
    return MeasuredSpeed(
        model=row.model,
        digest=row.digest,
        answers=row.answers,
        answer_tokens_per_second=row.tokens / row.answer_seconds if row.answer_seconds else None,
        prompt_tokens_per_second=row.prompt_tokens / row.prompt_seconds if row.prompt_seconds else None,
        last=row.last,
    )
