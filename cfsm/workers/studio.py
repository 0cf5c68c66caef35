"""Where models make a strategy: one attempt at one generation, with the watchdog fed and the lease kept meanwhile."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from cfsm.application.conversation import KEEP_ALIVE, AnswerLimits, Conversation
from cfsm.application.factory import Factory
from cfsm.application.generation import Modes
from cfsm.application.ports import Blobs, Engine, LanguageModels, Misconfigured, Prompts, TryAgain
from cfsm.application.proposing import Proposals, Surroundings
from cfsm.application.tasks import Claim
from cfsm.domain.answer import Heard, ModelFacts
from cfsm.domain.blueprint import Blueprint
from cfsm.domain.contest import Candidate
from cfsm.domain.conversation import Mode, Plan
from cfsm.domain.credit import MARK
from cfsm.domain.evaluation import Conditions, Limits
from cfsm.domain.generation import Generation
from cfsm.domain.naming import strategy_name
from cfsm.domain.planning import Staff, planned
from cfsm.domain.residency import Round, plan_rounds
from cfsm.workers.trials import EngineTrials
from cfsm.workers.watching import watched


@dataclass(frozen=True)
class Studio:
    """What making strategies with models needs; what may change between two of them is asked for each time."""

    open_models: Callable[[], AbstractAsyncContextManager[LanguageModels]]
    prompts: Prompts
    staff: Staff
    limits: AnswerLimits
    render: Callable[[Blueprint, str], str]
    surroundings: Callable[[], Surroundings]
    blobs: Blobs
    name_of_code: Callable[[str], str | None]
    engine: Engine
    is_engine_ready: Callable[[], bool]
    screening: Callable[[], Conditions]
    execution_limits: Limits
    screening_limits: Limits
    memory_bytes: Callable[[Sequence[ModelFacts]], int]
    parallel: int
    seconds: Callable[[], Mapping[str, float]]


@dataclass
class Progress:
    """How far the answers and runs of one attempt are, as one line."""

    mode: str
    ends: dict[str, float] = field(default_factory=dict)
    """When the time of each step that is being answered is over, by this process's clock."""

    tokens: dict[str, int] = field(default_factory=dict)
    trials: EngineTrials | None = None

    def begin(self, step: str, limit_seconds: float) -> None:
        """Take in a step that was asked."""
        self.ends[step], self.tokens[step] = time.monotonic() + limit_seconds, 0

    def hear(self, step: str, heard: Heard) -> None:
        """Keep how far an answer is."""
        self.tokens[step] = heard.pieces

    def settle(self, step: str) -> None:
        """Take out a step that was answered."""
        self.ends.pop(step, None)

    def __str__(self) -> str:
        now = time.monotonic()
        parts = [
            f"{step} {self.tokens[step]} tokens, {max(0.0, end - now):.0f} s left" for step, end in self.ends.items()
        ]
        if self.trials is not None and self.trials.doing:
            parts.append(self.trials.doing)
        return f"{self.mode}: {'; '.join(parts) or 'begins'}"


class Attempt:
    """One attempt at making the strategy that a claim asks for.

    ``tick`` is told what goes on, twice a second; what it raises ends the attempt, which frees the models' server.
    """

    def __init__(
        self,
        studio: Studio,
        factory: Factory,
        claim: Claim,
        *,
        is_last: bool,
        tick: Callable[[str], None],
        log: Callable[..., Any],
    ) -> None:
        self._studio = studio
        self._factory = factory
        self._claim = claim
        self._is_last = is_last
        self._tick = tick
        self._log = log
        self._progress = Progress("generating")
        self._trials: EngineTrials | None = None

    def make(self) -> Candidate | None:
        """Give the strategy that models made, decided and recorded; None where a predefined one takes over.

        Raise TryAgain, Misconfigured, Cancelled or LeaseLost; what was answered until then is kept.
        """
        return watched(self._converse(), lambda: self._tick(str(self._progress)), self._call_off)

    def _call_off(self) -> None:
        if self._trials is not None:
            self._trials.call_off()

    async def _converse(self) -> Candidate | None:
        studio = self._studio
        async with studio.open_models() as models:
            request = self._factory.get(Generation, UUID(self._claim.subject))
            known = await self._known(models)
            conversation = Conversation(
                self._factory,
                self._claim,
                studio.blobs,
                models,
                studio.limits,
                is_last_attempt=self._is_last,
                hear=self._progress.hear,
                note=self._note,
            )
            plan = request.plan or self._planned(request, known)
            conversation.record(lambda generation, stamp: generation.begin(plan, self._claim.attempt, stamp))
            mode = Mode(plan.mode)
            self._progress.mode = f"{MARK} {mode}" if mode.is_cooperative else mode.value
            conditions = _conditions(plan)
            self._trials = self._progress.trials = EngineTrials(
                studio.engine,
                studio.is_engine_ready,
                conditions,
                studio.execution_limits,
                studio.screening_limits,
                str(request.id),
            )
            surroundings = studio.surroundings()
            proposals = Proposals(
                conversation,
                plan,
                studio.prompts,
                self._trials,
                surroundings,
                studio.render,
                studio.name_of_code,
                lambda model: strategy_name(request.strategy_type, model, request.created_on),
                is_screened=mode is not Mode.SINGLE,
            )
            rounds = self._rounds(plan, known)
            modes = Modes(conversation, plan, studio.prompts, proposals, surroundings, rounds, self._unloading(models))
            return await modes.make()

    def _planned(self, request: Generation, known: Sequence[ModelFacts]) -> Plan:
        return planned(
            mode=request.mode,
            model=request.model,
            seed=request.seed,
            staff=self._studio.staff,
            known=known,
            seconds=self._studio.seconds(),
            screening=asdict(self._studio.screening()),
        )

    async def _known(self, models: LanguageModels) -> Sequence[ModelFacts]:
        """Give what the server tells of its models; nothing where it is away, which asking will say."""
        try:
            return await models.models()
        except (TryAgain, Misconfigured):
            return ()

    def _rounds(self, plan: Plan, known: Sequence[ModelFacts]) -> tuple[Round, ...]:
        """Give which writers are asked together; those that the server does not know come last, to be told so."""
        writers = [each for each in known if _is_one_of(each.name, plan.writers)]
        names = {each.name: _own_name(each.name, plan.writers) for each in writers}
        rounds = plan_rounds(
            writers,
            self._studio.limits.num_ctx,
            self._studio.memory_bytes(known),
            parallel=self._studio.parallel,
            hold=KEEP_ALIVE,
        )
        named = tuple(
            Round(tuple(names[model] for model in together.models), together.keep_alive, together.fits)
            for together in rounds
        )
        rest = tuple(model for model in plan.writers if model not in names.values())
        return (*named, Round(rest, KEEP_ALIVE)) if rest else named

    @staticmethod
    def _unloading(models: LanguageModels) -> Callable[[str], Any]:
        async def unload(model: str) -> None:
            with suppress(TryAgain, Misconfigured):  # the server makes room by itself if it has to
                await models.unload(model)

        return unload

    def _note(self, action: str, **fields: Any) -> None:
        if "limit_seconds" in fields:
            self._progress.begin(fields["step"], fields["limit_seconds"])
        elif "step" in fields:
            self._progress.settle(fields["step"])
        mark = f"{MARK} " if self._progress.mode.startswith(MARK) else ""
        self._log(f"{mark}{action}", **fields)


def _conditions(plan: Plan) -> Conditions:
    facts = dict(plan.screening)
    return Conditions(**{**facts, "pairs": tuple(facts["pairs"])})


def _own_name(full: str, wanted: Sequence[str]) -> str:
    """Give a model's name as it is configured, where the server says it with the tag that goes without saying."""
    return full if full in wanted else full.removesuffix(":latest")


def _is_one_of(full: str, wanted: Sequence[str]) -> bool:
    return _own_name(full, wanted) in wanted
