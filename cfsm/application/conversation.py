"""One generation's conversation with models: what was answered is never asked again, what is asked is recorded."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import orjson

from cfsm.application.factory import Factory
from cfsm.application.ports import Blobs, LanguageModels, Misconfigured, Prompt, TryAgain
from cfsm.application.tasks import Claim
from cfsm.domain.aggregate import Recorded, Stamp
from cfsm.domain.answer import Answer, FailedAnswer, Heard, Message, Question
from cfsm.domain.conversation import Given, Purpose, Step, Unasked
from cfsm.domain.generation import Generation
from cfsm.domain.naming import id_of
from cfsm.domain.timeouts import Complexity

PROMPT = "prompt"
SCHEMA = "schema"
ANSWER = "answer"
THINKING = "thinking"
"""How the blobs of a conversation are named in its events."""

MAX_DETAIL_CHARACTERS = 2_000

KEEP_ALIVE = "10m"
"""How long the server keeps a model in memory after an answer, so that the next question finds it there."""


@dataclass(frozen=True)
class Asking:
    """What is to be asked under a step, before limits and seed are known."""

    proposal: str
    purpose: Purpose
    round: int
    channel: str
    model: str
    prompt: Prompt
    num_predict: int
    schema: Mapping[str, Any] | None = None
    examples: Sequence[str] = ()


class AnswerLimits(Protocol):
    """How much a model may take for one answer."""

    @property
    def num_ctx(self) -> int:
        """Tokens of prompt and answer together."""

    @property
    def temperature(self) -> float:
        """How freely words are drawn."""

    @property
    def first_token_seconds(self) -> float:
        """The longest silence before an answer."""

    @property
    def idle_seconds(self) -> float:
        """The longest silence in an answer."""

    def complexity(self, prompt: str) -> Complexity:
        """Give how much a prompt asks for."""

    def seconds(self, model: str, complexity: Complexity) -> float:
        """Give the time limit of a model for a prompt of this complexity."""


class Conversation:
    """Asks models and records what came; a later attempt at the same task goes on where this one ended.

    ``is_last_attempt`` says that nobody will try again: a server that is away then counts as a model that failed.
    ``hear`` is told how far each answer is, ``note`` what happens: an action and its fields, for the log.
    """

    def __init__(
        self,
        factory: Factory,
        claim: Claim,
        blobs: Blobs,
        models: LanguageModels,
        limits: AnswerLimits,
        *,
        is_last_attempt: bool,
        hear: Callable[[str, Heard], None],
        note: Callable[..., None],
    ) -> None:
        self._factory = factory
        self._claim = claim
        self._blobs = blobs
        self._models = models
        self._limits = limits
        self._is_last_attempt = is_last_attempt
        self._hear = hear
        self.note = note
        self.generation = factory.get(Generation, UUID(claim.subject))

    @property
    def num_ctx(self) -> int:
        """Give how many tokens a prompt and its answer may have together."""
        return self._limits.num_ctx

    def record(self, command: Callable[[Generation, Stamp], None]) -> Generation:
        """Let the generation do a command and record what came of it, in a transaction of its own."""

        def decide() -> Iterable[Recorded]:
            self.generation = self._factory.get(Generation, UUID(self._claim.subject))
            command(self.generation, self._factory.stamp(self._claim, correlation=str(self.generation.id)))
            return [self.generation]

        self._factory.transact(decide)
        return self.generation

    async def ask(self, name: str, asking: Callable[[], Asking]) -> Given:
        """Give what a model answered under a step; ask it unless that was done. ``asking`` is called only to ask.

        Raise TryAgain where the server is away, busy or out of memory and there will be another attempt.
        """
        if name not in self.generation.answers:
            step = self.generation.asked.get(name) or self._begin(name, asking())
            self.note("asked", step=name, purpose=step.purpose, limit_seconds=step.limit_seconds)
            await self._put(step)
        return self.generation.answers[name]

    def read(self, blob_hash: str) -> str:
        """Give a text that was kept."""
        return self._blobs.get(blob_hash).decode()

    def keep(self, content: Any) -> str:
        """Keep a text, or anything that is JSON, as a blob and give its hash."""
        return self._blobs.put(content.encode() if isinstance(content, str) else orjson.dumps(content))

    def _begin(self, name: str, asking: Asking) -> Step:
        words = "\n".join(message.content for message in asking.prompt.messages)
        complexity = self._limits.complexity(words)
        messages = [{"role": each.role, "content": each.content} for each in asking.prompt.messages]
        blobs = {PROMPT: self.keep(messages)}
        if asking.schema is not None:
            blobs[SCHEMA] = self.keep(asking.schema)
        step = Step(
            step=name,
            proposal=asking.proposal,
            purpose=asking.purpose.value,
            round=asking.round,
            channel=asking.channel,
            model=asking.model,
            prompt_name=asking.prompt.name,
            prompt_version=asking.prompt.version,
            prompt_hash=asking.prompt.text_hash,
            examples=list(asking.examples),
            seed=(self.generation.seed + id_of("step", name).int) % 2**31,
            num_ctx=self._limits.num_ctx,
            num_predict=asking.num_predict,
            temperature=self._limits.temperature,
            format="text" if asking.schema is None else "json",
            complexity=complexity.value,
            limit_seconds=self._limits.seconds(asking.model, complexity),
            blobs=blobs,
        )
        self.record(lambda generation, stamp: generation.ask(step, stamp))
        return step

    async def _put(self, step: Step) -> None:
        """Put a question that was recorded, exactly as it was recorded, and record what comes."""
        try:
            given = await self._models.ask(self._question(step), lambda heard: self._hear(step.step, heard))
        except TryAgain as error:
            if not self._is_last_attempt:
                raise
            self._give_up(step, Unasked.UNAVAILABLE, str(error))
        except Misconfigured as error:
            self._give_up(step, Unasked.REFUSED, str(error))
        else:
            self._keep_given(step, given)

    def _question(self, step: Step) -> Question:
        messages = orjson.loads(self._blobs.get(step.blobs[PROMPT]))
        schema = step.blobs.get(SCHEMA)
        return Question(
            model=step.model,
            messages=tuple(Message(**each) for each in messages),
            seed=step.seed,
            num_ctx=step.num_ctx,
            num_predict=step.num_predict,
            temperature=step.temperature,
            schema=orjson.loads(self._blobs.get(schema)) if schema else None,
            think=False,  # thoughts would be cut off by num_predict, and the answer with them
            keep_alive=KEEP_ALIVE,
            limit_seconds=step.limit_seconds,
            first_token_seconds=min(self._limits.first_token_seconds, step.limit_seconds),
            idle_seconds=min(self._limits.idle_seconds, step.limit_seconds),
        )

    def _keep_given(self, step: Step, given: Answer | FailedAnswer) -> None:
        facts = {
            "digest": given.digest,
            "prompt_tokens": given.prompt_tokens,
            "answer_tokens": given.answer_tokens,
            "characters": len(given.text),
            "seconds": round(given.seconds, 3),
            "blobs": {
                name: self.keep(text) for name, text in ((ANSWER, given.text), (THINKING, given.thinking)) if text
            },
        }
        if isinstance(given, FailedAnswer):
            facts |= {"reason": given.reason.value, "detail": given.detail[:MAX_DETAIL_CHARACTERS]}
            self.record(lambda generation, stamp: generation.keep_failed_answer(step.step, facts, stamp))
            self.note("failed answer", step=step.step, reason=given.reason.value, detail=given.detail)
            return
        facts |= {
            "done_reason": given.done_reason,
            "load_seconds": round(given.load_seconds, 3),
            "prompt_seconds": round(given.prompt_seconds, 3),
            "answer_seconds": round(given.answer_seconds, 3),
        }
        self.record(lambda generation, stamp: generation.keep_answer(step.step, facts, stamp))
        self.note("answered", step=step.step, tokens=given.answer_tokens, seconds=facts["seconds"])

    def _give_up(self, step: Step, reason: Unasked, detail: str) -> None:
        facts: dict[str, Any] = {
            "digest": "",
            "reason": reason.value,
            "detail": detail[:MAX_DETAIL_CHARACTERS],
            "prompt_tokens": 0,
            "answer_tokens": 0,
            "characters": 0,
            "seconds": 0.0,
            "blobs": {},
        }
        self.record(lambda generation, stamp: generation.keep_failed_answer(step.step, facts, stamp))
        self.note("no answer", step=step.step, reason=reason.value, detail=detail)
