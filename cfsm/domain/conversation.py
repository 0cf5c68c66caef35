"""What is said and decided while models make a strategy: the values of a generation's events. Values only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Self


class Mode(StrEnum):
    """How models make one strategy.

    ``predefined`` asks no model; ``sampling`` is plain repeated sampling of one model with selection, the control arm
    of the modes of several models.
    """

    PREDEFINED = "predefined"
    SINGLE = "single"
    SAMPLING = "sampling"
    CONTEST = "contest"
    VOTING = "voting"
    CONSENSUS = "consensus"

    @property
    def is_cooperative(self) -> bool:
        """Say whether several models work together."""
        return self in {Mode.CONTEST, Mode.VOTING, Mode.CONSENSUS}


class Channel(StrEnum):
    """In which form a model writes: a form that is rendered, or the source itself."""

    BLUEPRINT = "blueprint"
    SOURCE = "source"


class Purpose(StrEnum):
    """What a model is asked for."""

    WRITE = "write"
    REPAIR = "repair"
    IDEAS = "ideas"
    AGREEMENT = "agreement"
    VOTE = "vote"
    SYNTHESIS = "synthesis"
    IMPLEMENTATION = "implementation"
    JUDGE = "judge"


class Unasked(StrEnum):
    """Why a model gave no answer at all, beside the failures of answers that began; stable words that are stored."""

    UNAVAILABLE = "unavailable"
    """The server was away, busy or out of memory, at every attempt."""

    REFUSED = "refused"
    """The model is not there, or the prompt does not fit: nothing changes by waiting."""


class DecidedBy(StrEnum):
    """What made the winner the winner."""

    ONLY_ONE = "only_one"
    MODE = "mode"
    SCREENING = "screening"
    JUDGE = "judge"
    ORDER = "order"


class ScreenOutcome(StrEnum):
    """What came of a backtest on the screening range."""

    TRADED = "traded"
    NEVER_TRADES = "never_trades"
    BROKEN = "broken"


class Value:
    """Base of values that are made of an event's facts."""

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Self:
        """Give the value that these facts hold; others are left out."""
        return cls(**{each.name: facts[each.name] for each in fields(cls)})  # type: ignore[arg-type]  # dataclasses


@dataclass(frozen=True)
class Plan(Value):
    """Who does what.

    ``strongest`` are the models that join, judge and comment, the best first; ``fallbacks`` those that take over, the
    next faster first; ``samples`` how many each writer writes; ``rounds`` how often one proposal is mended at most;
    ``screening`` the conditions under which proposals are compared.
    """

    mode: str
    channel: str
    writers: Sequence[str]
    strongest: Sequence[str]
    repairers: Sequence[str]
    fallbacks: Sequence[str]
    samples: int
    rounds: int
    screening: Mapping[str, Any]


@dataclass(frozen=True)
class Step(Value):
    """One question to one model."""

    step: str
    proposal: str
    purpose: str
    round: int
    channel: str
    model: str
    prompt_name: str
    prompt_version: str
    prompt_hash: str
    examples: Sequence[str]
    seed: int
    num_ctx: int
    num_predict: int
    temperature: float
    format: str
    complexity: str
    limit_seconds: float
    blobs: Mapping[str, str]


@dataclass(frozen=True)
class Given:
    """What came of a question: the hash of the answer, or the reason why there is none."""

    answer_hash: str
    failure: str = ""
    detail: str = ""
    seconds: float = 0.0
    tokens: int = 0


@dataclass(frozen=True)
class Proposal(Value):
    """What was made of one answer. With findings, or as a duplicate, it is not worth running."""

    step: str
    proposal: str
    round: int
    channel: str
    model: str
    class_name: str
    code_hash: str
    normalised_hash: str
    extraction: Sequence[str]
    repairs: Sequence[Mapping[str, Any]]
    findings: Sequence[Mapping[str, Any]]
    duplicate_of: str = ""


@dataclass(frozen=True)
class Execution(Value):
    """What the sandbox said of a proposal."""

    step: str
    verdict: str
    findings: Sequence[Mapping[str, Any]]
    signals: Mapping[str, Any]
    timeframe: str
    engine: str
    seconds: float


@dataclass(frozen=True)
class Screening(Value):
    """What a backtest on the screening range gave."""

    step: str
    outcome: str
    findings: Sequence[Mapping[str, Any]]
    dataset: str
    timerange: str
    figures: Mapping[str, Any]
    result_hash: str
    engine: str
    seconds: float


@dataclass(frozen=True)
class Vote(Value):
    """Which proposal a model holds for the best; "" where it named none."""

    step: str
    voter: str
    choice: str
    reason: str


@dataclass(frozen=True)
class Judgement(Value):
    """Which of two proposals a judge chose, in the order in which they were shown; "" where it named none."""

    step: str
    judge: str
    shown: Sequence[str]
    choice: str
    reason: str


@dataclass(frozen=True)
class FellBackTo(Value):
    """Who gave up, who takes over, and why. ``kind`` is ``model``, ``mode`` or ``predefined``."""

    kind: str
    before: str
    after: str
    reason: str


@dataclass(frozen=True)
class Decision(Value):
    """The winner: its proposal, the model that wrote it, the step of the code that won, and the ranking."""

    winner: str
    model: str
    step: str
    decided_by: str
    ranking: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


@dataclass(frozen=True)
class Opinion(Value):
    """What a model holds of a backtest: ``diagnosis`` (text) and ``changes``, and how it came to say so."""

    run_id: str
    model: str
    digest: str
    prompt_name: str
    prompt_version: str
    prompt_hash: str
    opinion: Mapping[str, Any]
    prompt_tokens: int
    answer_tokens: int
    seconds: float
    blobs: Mapping[str, str]


@dataclass(frozen=True)
class FailedOpinion(Value):
    """An answer that holds no opinion of a backtest: the reason (a stable word), in words, and how it came."""

    run_id: str
    model: str
    digest: str
    prompt_name: str
    prompt_version: str
    prompt_hash: str
    reason: str
    detail: str
    prompt_tokens: int
    answer_tokens: int
    seconds: float
    blobs: Mapping[str, str]
