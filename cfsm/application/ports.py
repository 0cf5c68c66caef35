"""The ports to the world, and the errors that cross them, named by the reaction that is wanted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cfsm.application.errors import Cancelled, Misconfigured, TryAgain
from cfsm.domain.answer import Answer, FailedAnswer, Heard, Message, ModelFacts, Question, Speed
from cfsm.domain.evaluation import BacktestOutcome, Finding, Job, Stage, ValidationOutcome, Verdict
from cfsm.domain.hyperopt import Candidate, Epoch, Search

__all__ = [
    "Bell",
    "BlobCorrupted",
    "BlobMissing",
    "Blobs",
    "BrokenStrategy",
    "Cancelled",
    "Clock",
    "Engine",
    "LanguageModels",
    "Misconfigured",
    "Notifier",
    "Processes",
    "Prompt",
    "Prompts",
    "Rendered",
    "Renderer",
    "Report",
    "TryAgain",
    "accepted",
]


class BrokenStrategy(Exception):
    """The strategy is at fault: it is retired with these findings."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("; ".join(f"{finding.code}: {finding.message}" for finding in findings))
        self.findings = findings


def accepted(outcome: BacktestOutcome) -> BacktestOutcome:
    """Give an outcome whose figures count. Raise BrokenStrategy where what was found makes them worth nothing."""
    if outcome.verdict is not Verdict.ACCEPTED:
        raise BrokenStrategy(*outcome.findings)
    return outcome


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Give the time now, in UTC."""


class BlobMissing(LookupError):
    """No blob has this hash in the store."""


class BlobCorrupted(Exception):
    """A blob's bytes are not those that its hash names; the message says which file."""


class Blobs(Protocol):
    """Keeps bytes under the sha256 of their content, for ever."""

    def put(self, content: bytes) -> str:
        """Keep these bytes and give their hash (64 hexadecimal digits); on return they are durable."""

    def get(self, blob_hash: str) -> bytes:
        """Give the bytes. Raise BlobMissing or BlobCorrupted."""

    def __contains__(self, blob_hash: str) -> bool: ...


Report = Callable[[Stage, float, str], None]
"""Hears of a run's progress: stage, percent of the whole run (0 to 100), words.

Called at least once a second while a run is under way; it raises Cancelled to end the run.
"""


class Engine(Protocol):
    """Runs strategies, out of this process, in a cage; deterministic."""

    @property
    def name(self) -> str:
        """Name the engine and its versions, as in ``freqtrade-2026.9/stock/1``."""

    def validate(self, job: Job, report: Report) -> ValidationOutcome:
        """Load and execute the strategy on real candles. Raise TryAgain, Misconfigured or Cancelled."""

    def second_opinion(self, job: Job, report: Report) -> ValidationOutcome:
        """Look closer at a strategy that has come far, with the analyses that Freqtrade has for that.

        Raise TryAgain, Misconfigured or Cancelled.
        """

    def backtest(self, job: Job, report: Report) -> BacktestOutcome:
        """Backtest the strategy. Raise BrokenStrategy, TryAgain, Misconfigured or Cancelled."""


class HyperoptEngine(Engine, Protocol):
    """An engine that also searches parameters."""

    def spaces(self, job: Job, spaces: Sequence[str], report: Report) -> Search:
        """Give the dimensions of these spaces. Raise BrokenStrategy, TryAgain, Misconfigured or Cancelled."""

    def try_epochs(
        self, job: Job, spaces: Sequence[str], candidates: Sequence[Candidate], report: Report
    ) -> tuple[Epoch, ...]:
        """Backtest with each candidate in turn, and give one epoch for each.

        Raise BrokenStrategy, TryAgain, Misconfigured or Cancelled; then none of them counts.
        """


class Sampler(Protocol):
    """Draws candidates: the same seed and the same losses give the same candidates."""

    def ask(self, count: int) -> Sequence[Candidate]:
        """Give so many candidates, all before any of their losses is known."""

    def tell(self, losses: Sequence[float]) -> None:
        """Take the losses of the candidates that were asked for last, in their order."""

    def remember(self, candidates: Sequence[Candidate], losses: Sequence[float]) -> None:
        """Take candidates of the past with their losses, in place of asking for them."""


class Rendered(Protocol):
    """A strategy's source as a template gives it."""

    name: str
    source: str
    parameters: Mapping[str, object]
    family: str
    timeframe: str
    can_short: bool


class Bell(Protocol):
    """Wakes a follower of the log."""

    def wait(self, seconds: float) -> bool:
        """Sleep until it rings, at most so long; say whether there may be something new."""

    def close(self) -> None:
        """Stop listening."""


class Notifier(Protocol):
    """Tells whoever supervises this process how it is: systemd, or the embedded supervisor."""

    @property
    def watchdog_interval_seconds(self) -> float | None:
        """Say how often to call ``watchdog``, or None where nobody watches."""

    def ready(self) -> None:
        """Say that the process is at work."""

    def status(self, text: str) -> None:
        """Say in one line what the process is doing."""

    def watchdog(self) -> None:
        """Say that the work goes on."""

    def stopping(self) -> None:
        """Say that the process is about to end."""

    def notify(self, state: str) -> None:
        """Send an assignment as it is; who does not know it ignores it."""

    def extend_timeout(self, seconds: float) -> None:
        """Ask for at least this much more time, from now on, to start or to stop."""


class Processes(Protocol):
    """The factory's processes on this machine, under whoever supervises them: systemd, or the embedded supervisor."""

    def name_of(self, role: str, instance: int) -> str:
        """Give the name of a worker of a role, as its tasks' owner has it; the first instance is 1."""

    def count(self, role: str) -> int | None:
        """Give how many of a role run or are about to, counted from the first; None if it is not known."""

    def run(self, role: str, count: int) -> None:
        """Let the first ``count`` of a role run and no others; what is at work may end in order. It is only asked."""

    def restart(self, name: str) -> None:
        """Let a worker end in order and start again. It is only asked."""


class Renderer(Protocol):
    """Writes strategies of the predefined families."""

    def __call__(self, family: str, name: str, seed: int) -> Rendered:
        """Give the strategy that the seed draws: the same seed, the same text."""


class LanguageModels(Protocol):
    """The language models of one server."""

    async def ask(self, question: Question, hear: Callable[[Heard], None] | None = None) -> Answer | FailedAnswer:
        """Give a model's answer, or what came of it when none did; ``hear`` is told of every piece.

        Cancelling the task frees the server. Raise Misconfigured when the model is absent or the prompt cannot fit,
        TryAgain when the server is away, busy or out of memory before an answer began.
        """

    async def models(self, wanted: Sequence[str] = ()) -> tuple[ModelFacts, ...]:
        """Give the models that are there, and those wanted that are not. Raise TryAgain or Misconfigured."""

    async def measure(self, model: str, *, num_ctx: int = 4096, limit_seconds: float = 300.0) -> Speed:
        """Give a model's speed, from one short answer. Raise TryAgain or Misconfigured."""

    async def unload(self, model: str) -> None:
        """Take a model out of memory. Raise TryAgain or Misconfigured."""


@dataclass(frozen=True)
class Prompt:
    """A prompt, filled in: its name, version and hash are those of the file that it was made from."""

    name: str
    version: str
    text_hash: str
    messages: tuple[Message, ...]


class Prompts(Protocol):
    """The prompts, by name, each in its last version."""

    def compose(self, name: str, facts: Mapping[str, str]) -> Prompt:
        """Fill in a prompt. Raise Misconfigured where there is none of that name."""
