"""A generation: a strategy is asked for, and one comes of it or none. Its conversation with models is its events.

A *step* is one question to one model; its name is unique within the generation, so that what was answered under it is
never asked again. A *proposal* is what a step's answer gives: code that may become the strategy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from cfsm.domain.aggregate import BeginningEvent, Recorded, RecordedEvent, Stamp
from cfsm.domain.conversation import (
    Decision,
    Execution,
    FellBackTo,
    Given,
    Judgement,
    Plan,
    Proposal,
    Screening,
    Step,
    Vote,
)
from cfsm.domain.naming import id_of


class Generation(Recorded):
    """One request for one strategy, the conversation about it, and what came of it."""

    TOPIC = "Generation"

    class Requested(BeginningEvent):
        """A strategy is wanted: of which type, in which mode, drawn from which seed."""

        TOPIC = "Generation.Requested"
        mode: str
        strategy_type: str
        model: str
        seed: int
        why: str

    class Planned(RecordedEvent):
        """Who does what was decided, once, by the configuration of that moment."""

        TOPIC = "Generation.Planned"
        mode: str
        channel: str
        writers: Sequence[str]
        strongest: Sequence[str]
        repairers: Sequence[str]
        fallbacks: Sequence[str]
        samples: int
        rounds: int
        screening: Mapping[str, Any]
        attempt: int

        def apply(self, aggregate: "Generation") -> None:
            aggregate.plan = Plan.of(vars(self))
            aggregate.attempt = self.attempt

    class Resumed(RecordedEvent):
        """Another attempt goes on where the one before ended; what was answered is kept."""

        TOPIC = "Generation.Resumed"
        attempt: int
        answers_kept: int

        def apply(self, aggregate: "Generation") -> None:
            aggregate.attempt = self.attempt

    class Asked(RecordedEvent):
        """A model is asked: for what, with which version of which prompt, under which options and limit.

        ``blobs`` names the ``prompt``: the messages as they were sent, as JSON. ``examples`` are the strategies
        that the prompt showed. ``format`` is ``json`` where the answer has to follow a schema, else ``text``.
        """

        TOPIC = "Generation.Asked"
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

        def apply(self, aggregate: "Generation") -> None:
            aggregate.asked[self.step] = Step.of(vars(self))

    class Answered(RecordedEvent):
        """A model answered, whole. ``blobs`` names the ``answer`` and, where there was any, the ``thinking``."""

        TOPIC = "Generation.Answered"
        step: str
        proposal: str
        purpose: str
        channel: str
        model: str
        digest: str
        complexity: str
        done_reason: str
        prompt_tokens: int
        answer_tokens: int
        characters: int
        seconds: float
        load_seconds: float
        prompt_seconds: float
        answer_seconds: float
        blobs: Mapping[str, str]

        def apply(self, aggregate: "Generation") -> None:
            aggregate.answers[self.step] = Given(self.blobs["answer"], seconds=self.seconds, tokens=self.answer_tokens)

    class AnswerFailed(RecordedEvent):
        """A model was asked and gave no whole answer: the reason (a stable word), in words, and what had come."""

        TOPIC = "Generation.AnswerFailed"
        step: str
        proposal: str
        purpose: str
        channel: str
        model: str
        digest: str
        complexity: str
        reason: str
        detail: str
        prompt_tokens: int
        answer_tokens: int
        characters: int
        seconds: float
        blobs: Mapping[str, str]

        def apply(self, aggregate: "Generation") -> None:
            aggregate.answers[self.step] = Given(
                "", failure=self.reason, detail=self.detail, seconds=self.seconds, tokens=self.answer_tokens
            )

    class Proposed(RecordedEvent):
        """An answer was taken in: how code was found, what was mended, what is wrong; ``code_hash`` "" if no code.

        Each repair has name, line, detail and is_advice; each finding code, message, line and what_to_do.
        ``duplicate_of`` names the strategy that has this code already.
        """

        TOPIC = "Generation.Proposed"
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
        duplicate_of: str

        def apply(self, aggregate: "Generation") -> None:
            aggregate.proposals[self.step] = Proposal.of(vars(self))

    class Executed(RecordedEvent):
        """A proposal was loaded and executed in the sandbox: the verdict with its findings."""

        TOPIC = "Generation.Executed"
        step: str
        proposal: str
        round: int
        channel: str
        model: str
        code_hash: str
        verdict: str
        findings: Sequence[Mapping[str, Any]]
        signals: Mapping[str, Any]
        timeframe: str
        engine: str
        seconds: float

        def apply(self, aggregate: "Generation") -> None:
            aggregate.executions[self.step] = Execution.of(vars(self))

    class Screened(RecordedEvent):
        """A proposal was backtested on the screening range, which proves nothing: figures to choose by.

        ``outcome`` is ``traded``, ``never_trades`` or ``broken``.
        """

        TOPIC = "Generation.Screened"
        step: str
        proposal: str
        channel: str
        model: str
        code_hash: str
        outcome: str
        findings: Sequence[Mapping[str, Any]]
        dataset: str
        timerange: str
        figures: Mapping[str, Any]
        result_hash: str
        engine: str
        seconds: float

        def apply(self, aggregate: "Generation") -> None:
            aggregate.screenings[self.step] = Screening.of(vars(self))

    class Voted(RecordedEvent):
        """A model said which proposal it holds for the best, and what of it is worth keeping. "" is no vote."""

        TOPIC = "Generation.Voted"
        step: str
        voter: str
        choice: str
        reason: str

        def apply(self, aggregate: "Generation") -> None:
            aggregate.votes[self.step] = Vote.of(vars(self))

    class Judged(RecordedEvent):
        """A model chose between two equal proposals, in the order in which it was shown them. "" is no choice."""

        TOPIC = "Generation.Judged"
        step: str
        judge: str
        shown: Sequence[str]
        choice: str
        reason: str

        def apply(self, aggregate: "Generation") -> None:
            aggregate.judgements[self.step] = Judgement.of(vars(self))

    class FellBack(RecordedEvent):
        """One gave up and another takes over: ``kind`` says what they are (model, mode or predefined)."""

        TOPIC = "Generation.FellBack"
        kind: str
        before: str
        after: str
        reason: str

        def apply(self, aggregate: "Generation") -> None:
            aggregate.fallbacks.append(FellBackTo.of(vars(self)))

    class Decided(RecordedEvent):
        """The winner among the proposals, how it was decided, and how all of them rank, the best first.

        ``decided_by`` is ``only_one``, ``mode``, ``screening``, ``judge`` or ``order``; each rank has proposal, model,
        step, outcome, score and trades.
        """

        TOPIC = "Generation.Decided"
        winner: str
        model: str
        step: str
        decided_by: str
        ranking: Sequence[Mapping[str, Any]]

        def apply(self, aggregate: "Generation") -> None:
            aggregate.decision = Decision.of(vars(self))

    class Concluded(RecordedEvent):
        """The generation gave this strategy.

        ``facts`` of a predefined strategy hold the seed; of a model's mode, channel, winner, model, prompts, answers,
        failed answers, rounds, tokens and seconds.
        """

        TOPIC = "Generation.Concluded"
        strategy_id: str
        strategy_name: str
        facts: Mapping[str, Any]

        def apply(self, aggregate: "Generation") -> None:
            aggregate.strategy_id = self.strategy_id

    class Failed(RecordedEvent):
        """The generation gave nothing: why."""

        TOPIC = "Generation.Failed"
        reason: str

        def apply(self, aggregate: "Generation") -> None:
            aggregate.failure = self.reason

    def __init__(self, mode: str, strategy_type: str, model: str, seed: int, why: str) -> None:
        self.mode = mode
        self.strategy_type = strategy_type
        self.model = model
        self.seed = seed
        self.why = why
        self.plan: Plan | None = None
        self.attempt = 0
        self.asked: dict[str, Step] = {}
        self.answers: dict[str, Given] = {}
        self.proposals: dict[str, Proposal] = {}
        self.executions: dict[str, Execution] = {}
        self.screenings: dict[str, Screening] = {}
        self.votes: dict[str, Vote] = {}
        self.judgements: dict[str, Judgement] = {}
        self.fallbacks: list[FellBackTo] = []
        self.decision: Decision | None = None
        self.strategy_id = ""
        self.failure = ""

    @classmethod
    def request(
        cls, key: str, *, strategy_type: str, mode: str, model: str, seed: int, why: str, stamp: Stamp
    ) -> "Generation":
        """Ask for a strategy. The id is a pure function of ``key``: the same key again is a conflict."""
        return cls._begin(
            cls.Requested,
            cls.id_of(key),
            stamp,
            mode=mode,
            strategy_type=strategy_type,
            model=model,
            seed=seed,
            why=why,
        )

    @staticmethod
    def id_of(key: str) -> UUID:
        """Give the id of the generation that was asked for under this key."""
        return id_of("generation", key)

    @property
    def is_over(self) -> bool:
        """Say whether the generation gave a strategy or failed."""
        return bool(self.strategy_id or self.failure)

    # Commands. What was recorded under a step is the truth: a second telling of it changes nothing.

    def begin(self, plan: Plan, attempt: int, stamp: Stamp) -> None:
        """Keep the plan; where there is one already, that this attempt goes on with it."""
        if self.is_over:
            return
        if self.plan is None:
            self._record(self.Planned, stamp, attempt=attempt, **asdict(plan))
        elif attempt != self.attempt:
            kept = sum(not given.failure for given in self.answers.values())
            self._record(self.Resumed, stamp, attempt=attempt, answers_kept=kept)

    def ask(self, step: Step, stamp: Stamp) -> None:
        """Keep what a model is asked."""
        if not self.is_over and step.step not in self.asked:
            self._record(self.Asked, stamp, **asdict(step))

    def keep_answer(self, step: str, facts: Mapping[str, Any], stamp: Stamp) -> None:
        """Keep a whole answer: digest, done_reason, tokens, characters, seconds and blobs."""
        self._keep(self.Answered, step, facts, stamp)

    def keep_failed_answer(self, step: str, facts: Mapping[str, Any], stamp: Stamp) -> None:
        """Keep that no whole answer came: digest, reason, detail, tokens, characters, seconds and blobs."""
        self._keep(self.AnswerFailed, step, facts, stamp)

    def _keep(self, event: type[RecordedEvent], step: str, facts: Mapping[str, Any], stamp: Stamp) -> None:
        if self.is_over or step in self.answers:
            return
        asked = self.asked[step]
        self._record(
            event,
            stamp,
            step=step,
            proposal=asked.proposal,
            purpose=asked.purpose,
            channel=asked.channel,
            model=asked.model,
            complexity=asked.complexity,
            **facts,
        )

    def propose(self, proposal: Proposal, stamp: Stamp) -> None:
        """Keep what was made of an answer."""
        if not self.is_over and proposal.step not in self.proposals:
            self._record(self.Proposed, stamp, **asdict(proposal))

    def execute(self, execution: Execution, stamp: Stamp) -> None:
        """Keep what the sandbox said of a proposal."""
        if not self.is_over and execution.step not in self.executions:
            proposal = self.proposals[execution.step]
            own = {"round": proposal.round, "channel": proposal.channel, "model": proposal.model}
            self._record(
                self.Executed,
                stamp,
                proposal=proposal.proposal,
                code_hash=proposal.code_hash,
                **own,
                **asdict(execution),
            )

    def screen(self, screening: Screening, stamp: Stamp) -> None:
        """Keep what a backtest on the screening range gave."""
        if not self.is_over and screening.step not in self.screenings:
            author = _author(self.proposals[screening.step])
            self._record(self.Screened, stamp, **author, **asdict(screening))

    def vote(self, vote: Vote, stamp: Stamp) -> None:
        """Keep a model's vote."""
        if not self.is_over and vote.step not in self.votes:
            self._record(self.Voted, stamp, **asdict(vote))

    def judge(self, judgement: Judgement, stamp: Stamp) -> None:
        """Keep a judge's choice."""
        if not self.is_over and judgement.step not in self.judgements:
            self._record(self.Judged, stamp, **asdict(judgement))

    def fall_back(self, fallback: FellBackTo, stamp: Stamp) -> None:
        """Keep that another takes over, once."""
        if not self.is_over and fallback not in self.fallbacks:
            self._record(self.FellBack, stamp, **asdict(fallback))

    def decide(self, decision: Decision, stamp: Stamp) -> None:
        """Keep the winner, once."""
        if not self.is_over and self.decision is None:
            self._record(self.Decided, stamp, **asdict(decision))

    def conclude(
        self, strategy_id: UUID, strategy_name: str, stamp: Stamp, facts: Mapping[str, Any] | None = None
    ) -> None:
        """Keep which strategy came of it."""
        if not self.is_over:
            self._record(
                self.Concluded,
                stamp,
                strategy_id=str(strategy_id),
                strategy_name=strategy_name,
                facts=dict(facts or {}),
            )

    def fail(self, reason: str, stamp: Stamp) -> None:
        """Keep that nothing came of it."""
        if not self.is_over:
            self._record(self.Failed, stamp, reason=reason)


def _author(proposal: Proposal) -> Mapping[str, str]:
    return {
        "proposal": proposal.proposal,
        "channel": proposal.channel,
        "model": proposal.model,
        "code_hash": proposal.code_hash,
    }
