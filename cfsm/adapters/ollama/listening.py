"""Listens to a streamed answer under limits of time, silence and size, and says how it ended."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

import httpx
import ollama

from cfsm.adapters.ollama.errors import GARBAGE_ERRORS, MID_STREAM, is_out_of_memory
from cfsm.adapters.ollama.transport import TooManyBytes
from cfsm.domain.answer import Failure, Heard, Question, whole_characters
from cfsm.domain.intake.loops import loop_start

CHARACTERS_PER_PREDICTED_TOKEN = 16
MIN_CHARACTERS = 4_000
LOOP_CHECK_CHARACTERS = 1_000
NANOSECOND = 1e-9


@dataclass
class Reading:
    """What was heard of one answer."""

    pieces: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    characters: int = 0
    done: bool = False
    done_reason: str = ""
    prompt_tokens: int = 0
    answer_tokens: int = 0
    load_seconds: float = 0.0
    prompt_seconds: float = 0.0
    answer_seconds: float = 0.0
    first_piece_seconds: float = 0.0
    seconds: float = 0.0
    failure: Failure | None = None
    detail: str = ""

    @property
    def text(self) -> str:
        """Give the answer as far as it came."""
        return whole_characters("".join(self.pieces))

    @property
    def thinking(self) -> str:
        """Give what the model thought aloud, as far as it came."""
        return whole_characters("".join(self.thoughts))

    @property
    def heard_anything(self) -> bool:
        """Say whether the model began to answer."""
        return bool(self.pieces or self.thoughts)

    def fail(self, failure: Failure, detail: str) -> None:
        """Keep the first reason why this is no answer."""
        if self.failure is None:
            self.failure, self.detail = failure, detail


async def listen(
    stream: AsyncIterator[ollama.ChatResponse], question: Question, hear: Callable[[Heard], None] | None = None
) -> Reading:
    """Read the stream to its end or to a limit; the stream is closed in any case, which frees the server.

    What fails after the answer began is kept in the reading. What fails before (a refused connection, an HTTP
    status) is raised as the client raises it.
    """
    reading = Reading()
    started = time.monotonic()
    try:
        async with asyncio.timeout(question.limit_seconds):
            await _read(stream, question, reading, started, hear)
    except TimeoutError:
        reading.fail(
            Failure.TIMED_OUT,
            f"{question.model} needed more than {question.limit_seconds:g} s; take a faster model or more time",
        )
    except TooManyBytes:
        reading.fail(Failure.TOO_LONG, "the server sent more bytes than any answer needs")
    except GARBAGE_ERRORS as error:
        reading.fail(Failure.GARBAGE, f"the server sent what is not Ollama's protocol: {type(error).__name__}")
    except httpx.HTTPError as error:
        if not reading.heard_anything:
            raise
        reading.fail(Failure.NO_END, f"the connection broke in mid-answer: {type(error).__name__}")
    except ollama.ResponseError as error:
        if error.status_code != MID_STREAM:
            raise
        hint = "; free memory or take a smaller model" if is_out_of_memory(str(error.error)) else ""
        reading.fail(Failure.SERVER_ERROR, f"the server failed in mid-answer: {error.error}{hint}")
    reading.seconds = time.monotonic() - started
    return reading


async def _read(
    stream: AsyncIterator[ollama.ChatResponse],
    question: Question,
    reading: Reading,
    started: float,
    hear: Callable[[Heard], None] | None,
) -> None:
    max_characters = max(MIN_CHARACTERS, question.num_predict * CHARACTERS_PER_PREDICTED_TOKEN)
    next_check = LOOP_CHECK_CHARACTERS
    async with aclosing(stream) as parts:  # type: ignore[type-var]  # the client gives an async generator
        while (part := await _next(parts, question, reading)) is not None:
            _keep(part, reading, time.monotonic() - started)
            if hear is not None:
                hear(_progress(question, reading, time.monotonic() - started))
            if reading.characters > max_characters:
                reading.fail(Failure.TOO_LONG, f"more than {max_characters} characters; num_predict is ignored")
                return
            if reading.characters >= next_check:
                next_check = reading.characters + LOOP_CHECK_CHARACTERS
                _check_loop(reading)
            if reading.failure is not None or reading.done:
                return


async def _next(
    parts: AsyncIterator[ollama.ChatResponse], question: Question, reading: Reading
) -> ollama.ChatResponse | None:
    """Give the next part; None at the stream's end, or when the silence was too long."""
    patience = question.idle_seconds if reading.heard_anything else question.first_token_seconds
    try:
        async with asyncio.timeout(patience) as silence:
            return await anext(parts, None)
    except TimeoutError:
        if not silence.expired():
            raise
        reading.fail(Failure.STALLED, f"no word for {patience:g} s; the server may be overloaded")
        return None


def _keep(part: ollama.ChatResponse, reading: Reading, seconds: float) -> None:
    content, thought = part.message.content or "", part.message.thinking or ""
    if (content or thought) and not reading.heard_anything:
        reading.first_piece_seconds = seconds
    if content:
        reading.pieces.append(content)
    if thought:
        reading.thoughts.append(thought)
    reading.characters += len(content) + len(thought)
    if part.done:
        reading.done = True
        reading.done_reason = part.done_reason or ""
        reading.prompt_tokens = part.prompt_eval_count or 0
        reading.answer_tokens = part.eval_count or 0
        reading.load_seconds = (part.load_duration or 0) * NANOSECOND
        reading.prompt_seconds = (part.prompt_eval_duration or 0) * NANOSECOND
        reading.answer_seconds = (part.eval_duration or 0) * NANOSECOND


def _check_loop(reading: Reading) -> None:
    for heard in (reading.text, reading.thinking):
        if loop_start(heard) is not None:
            reading.fail(Failure.LOOP, "the model repeats itself; ask again with another seed")


def _progress(question: Question, reading: Reading, seconds: float) -> Heard:
    return Heard(
        model=question.model,
        characters=reading.characters,
        pieces=len(reading.pieces) + len(reading.thoughts),
        seconds=seconds,
        seconds_left=max(0.0, question.limit_seconds - seconds),
    )


def judge(reading: Reading, question: Question) -> None:
    """Find in a stream that ended what makes it no answer: no end, cut off, prompt cut, a loop, nothing said."""
    if reading.failure is not None:
        return
    _check_loop(reading)
    if not reading.done:
        reading.fail(Failure.NO_END, "the stream ended without the server's `done`")
    elif reading.done_reason == "length":
        reading.fail(
            Failure.CUT_OFF,
            f"the answer was cut at {reading.answer_tokens} tokens (num_predict {question.num_predict}, "
            f"num_ctx {question.num_ctx}); allow more, or ask for less",
        )
    elif reading.prompt_tokens > question.prompt_budget:
        reading.fail(
            Failure.PROMPT_CUT,
            f"the prompt took {reading.prompt_tokens} tokens of {question.prompt_budget}: the server may have cut "
            "it; shorten it or raise num_ctx",
        )
    elif not reading.text.strip():
        thought = " (it thought, and wrote nothing: raise num_predict or turn thinking off)"
        reading.fail(Failure.EMPTY, f"{question.model} answered nothing{thought if reading.thinking else ''}")
