"""Answer times: how long each model took for its answers, by the complexity of the prompt."""

from dataclasses import dataclass
from statistics import median
from typing import ClassVar

from cfsm.domain.answer import Failure
from cfsm.domain.generation import Generation
from cfsm.domain.log import LogEntry
from cfsm.domain.timeouts import REMEMBERED_GENERATIONS
from cfsm.projections.base import Facts, Projection, View, handles


@dataclass(slots=True)
class TimeRow:
    """One answer: whole, or given up at its time limit."""

    id: str
    place: int
    model: str
    complexity: str
    seconds: float


class AnswerTimes(Projection):
    """Folds answers into times. What ran into its limit counts with the limit; other failures tell nothing."""

    name = "answer_times"
    version = 1

    def __init__(self) -> None:
        super().__init__()
        self._times = self.table("times", TimeRow, ("model",))

    @handles(Generation.Answered)
    def _answered(self, entry: LogEntry, facts: Facts) -> None:
        self._times.put(TimeRow(entry.name, entry.id, facts["model"], facts["complexity"], facts["seconds"]))

    @handles(Generation.AnswerFailed)
    def _failed(self, entry: LogEntry, facts: Facts) -> None:
        if facts["reason"] == Failure.TIMED_OUT:
            self._answered(entry, facts)


class AnswerTimesView(View):
    """Answers how long models took."""

    projection: ClassVar[type[Projection]] = AnswerTimes

    def seconds(self, model: str, complexity: str) -> list[float]:
        """Give the times of a model's last 200 answers to prompts of this complexity, oldest first."""
        sql = "SELECT seconds FROM times WHERE model = ? AND complexity = ? ORDER BY place DESC LIMIT ?"
        return [seconds for (seconds,) in self._source.rows(sql, model, complexity, REMEMBERED_GENERATIONS)][::-1]

    def typical(self) -> dict[str, float]:
        """Give the median of each model's answer times."""
        times: dict[str, list[float]] = {}
        for model, seconds in self._source.rows("SELECT model, seconds FROM times ORDER BY model, place"):
            times.setdefault(model, []).append(seconds)
        return {model: median(each[-REMEMBERED_GENERATIONS:]) for model, each in times.items()}
