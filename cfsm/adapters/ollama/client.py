"""The client: asks a model, lists the models, measures their speed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self, TypeVar

import httpx
import ollama

from cfsm.adapters.ollama.errors import REQUEST_ERRORS, reaction_to
from cfsm.adapters.ollama.facts import full_name, model_facts
from cfsm.adapters.ollama.listening import Reading, judge, listen
from cfsm.adapters.ollama.transport import BoundedTransport
from cfsm.application.ports import Misconfigured, TryAgain
from cfsm.domain.answer import (
    Answer,
    FailedAnswer,
    Failure,
    Heard,
    Message,
    ModelFacts,
    Question,
    Speed,
)

MAX_RESPONSE_BYTES = 64_000_000
REQUEST_SECONDS = 15.0
CONNECT_SECONDS = 5.0
MEASURE_PROMPT = (
    "Explain in plain English, in about ten sentences, what a moving average of a price is, how it is computed, "
    "and what a crossing of a fast and a slow one can tell a trader."
)
MEASURE_TOKENS = 64

T = TypeVar("T")


class OllamaModels:
    """The models of one Ollama server; use it as an async context manager, or close it.

    ``url`` is the server's address. ``uds`` reaches it through a unix socket, for a caller without network.
    Raise Misconfigured for what is not an address.
    """

    def __init__(self, url: str = "http://127.0.0.1:11434", *, uds: str | None = None) -> None:
        self.url = url
        try:
            self._client = ollama.AsyncClient(
                url,
                transport=BoundedTransport(MAX_RESPONSE_BYTES, uds),
                # Reads have no limit of httpx: ours (wall clock and idle) are kept while listening.
                timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
            )
        except ValueError as error:
            raise Misconfigured(f"{url} is not an address: {error}. Set one like http://127.0.0.1:11434.") from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()  # type: ignore[no-untyped-call]  # the library has no annotation here

    async def ask(self, question: Question, hear: Callable[[Heard], None] | None = None) -> Answer | FailedAnswer:
        """Ask a model and give its answer, or what came of it when none did.

        ``hear`` is told of every piece. Cancelling the task closes the connection, and the server stops.
        Raise Misconfigured when the model is absent or the prompt cannot fit, TryAgain when the server is away,
        busy or out of memory before an answer began.
        """
        _check(question)
        digest = await self._digest(question.model)
        reading = await self._listen(question, hear)
        judge(reading, question)
        if reading.failure is not None:
            return FailedAnswer(
                reason=reading.failure,
                detail=reading.detail,
                text=reading.text,
                thinking=reading.thinking,
                model=question.model,
                digest=digest,
                seconds=reading.seconds,
                options=question.options,
                prompt_tokens=reading.prompt_tokens,
                answer_tokens=reading.answer_tokens,
            )
        return Answer(
            text=reading.text,
            thinking=reading.thinking,
            model=question.model,
            digest=digest,
            prompt_tokens=reading.prompt_tokens,
            answer_tokens=reading.answer_tokens,
            seconds=reading.seconds,
            done_reason=reading.done_reason,
            options=question.options,
            load_seconds=reading.load_seconds,
            prompt_seconds=reading.prompt_seconds,
            answer_seconds=reading.answer_seconds,
        )

    async def _listen(self, question: Question, hear: Callable[[Heard], None] | None) -> Reading:
        try:
            stream = await self._client.chat(
                model=question.model,
                messages=[{"role": each.role, "content": each.content} for each in question.messages],
                stream=True,
                think=False if question.schema is not None else question.think,
                format=dict(question.schema) if question.schema is not None else None,
                options=question.options,
                keep_alive=question.keep_alive,
            )
            return await listen(stream, question, hear)
        except REQUEST_ERRORS as error:
            raise reaction_to(error, self.url, question.model) from error

    async def models(self, wanted: Sequence[str] = ()) -> tuple[ModelFacts, ...]:
        """Give the server's models, and those wanted that it does not have (``available`` False).

        Raise TryAgain when the server is away, Misconfigured when it is not Ollama.
        """
        listed, running = await self._request(asyncio.gather(self._client.list(), self._client.ps()))
        loaded = {model.model: model for model in running.models}
        facts = []
        for model in listed.models:
            shown = await self._request(self._client.show(model.model or ""), model.model or "")
            facts.append(model_facts(model, shown, loaded.get(model.model)))
        present = {fact.name for fact in facts}
        missing = [ModelFacts(name, available=False) for name in wanted if full_name(name) not in present]
        return (*facts, *missing)

    async def measure(self, model: str, *, num_ctx: int = 4096, limit_seconds: float = 300.0) -> Speed:
        """Give a model's speed, from one short answer of 64 tokens.

        Raise TryAgain when it says nothing within the limit, Misconfigured when it is absent.
        """
        question = Question(
            model=model,
            messages=(Message("user", MEASURE_PROMPT),),
            seed=1,
            num_ctx=num_ctx,
            num_predict=MEASURE_TOKENS,
            temperature=0.0,
            think=None,
            limit_seconds=limit_seconds,
            first_token_seconds=limit_seconds,
        )
        digest = await self._digest(model)
        reading = await self._listen(question, None)
        if not reading.done or not reading.heard_anything:
            raise TryAgain(f"{model} did not answer a short question: {reading.detail or Failure.NO_END}")
        return Speed(
            model=model,
            digest=digest,
            load_seconds=reading.load_seconds,
            first_token_seconds=reading.first_piece_seconds,
            prompt_tokens_per_second=_rate(reading.prompt_tokens, reading.prompt_seconds),
            answer_tokens_per_second=_rate(reading.answer_tokens, reading.answer_seconds),
            seconds=reading.seconds,
        )

    async def unload(self, model: str) -> None:
        """Take a model out of memory."""
        await self._request(self._client.generate(model=model, prompt="", keep_alive=0), model)

    async def _digest(self, model: str) -> str:
        """Give a model's digest; an absent one is refused with the names of those present."""
        listed = await self._request(self._client.list())
        for each in listed.models:
            if (each.model or "").lower() == full_name(model).lower():
                return each.digest or ""
        names = ", ".join(each.model or "" for each in listed.models) or "no model at all"
        raise Misconfigured(
            f"Ollama at {self.url} has no model {model}: run `ollama pull {model}`, or name another (it has {names})."
        )

    async def _request(self, call: Awaitable[T], model: str = "") -> T:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                return await call
        except REQUEST_ERRORS as error:
            raise reaction_to(error, self.url, model) from error
        except TimeoutError as error:
            raise TryAgain(f"Ollama at {self.url} was silent for {REQUEST_SECONDS:g} s.") from error


def _check(question: Question) -> None:
    """Refuse what cannot be answered whole, before a model is loaded for it."""
    if not question.model.strip():
        raise Misconfigured("No model is named: set `models` in the configuration.")
    if question.prompt_budget <= 0:
        raise Misconfigured(
            f"num_ctx {question.num_ctx} leaves no room for a prompt beside num_predict {question.num_predict}: "
            "raise num_ctx."
        )
    if question.prompt_tokens > question.prompt_budget:
        raise Misconfigured(
            f"The prompt has about {question.prompt_tokens} tokens and num_ctx {question.num_ctx} leaves "
            f"{question.prompt_budget}: shorten the prompt or raise num_ctx."
        )


def _rate(count: int, seconds: float) -> float:
    return count / seconds if seconds > 0 else 0.0
