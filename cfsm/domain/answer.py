"""What is asked of a language model, and what comes back: an answer, or a failed one. Values only."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

CHARACTERS_PER_TOKEN = 3.2
"""A careful estimate for English prose with code; small models' tokenisers lie between 3.0 and 4.2."""

TOKENS_PER_MESSAGE = 12
"""What a chat template puts around each message, rounded up."""


_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Message:
    """One message of a conversation; ``role`` is ``system``, ``user`` or ``assistant``."""

    role: str
    content: str


@dataclass(frozen=True)
class Question:
    """What is asked: of which model, with which options, under which limits.

    ``schema`` asks for JSON of that schema. ``think`` None leaves thinking to the model, except under a
    schema, where it is always off. ``num_ctx`` holds prompt and answer (tokens); ``num_predict`` bounds the
    answer. ``limit_seconds`` bounds the whole of it, ``first_token_seconds`` the wait for the first token
    (loading the model and reading the prompt), ``idle_seconds`` every later silence. ``keep_alive`` is
    Ollama's: how long the model stays in memory afterwards (``5m``, 0 unloads it).
    """

    model: str
    messages: tuple[Message, ...]
    seed: int
    num_ctx: int = 4096
    num_predict: int = 1600
    temperature: float = 0.7
    schema: Mapping[str, Any] | None = None
    think: bool | None = None
    keep_alive: str | int = "5m"
    limit_seconds: float = 1800.0
    first_token_seconds: float = 600.0
    idle_seconds: float = 120.0

    @property
    def options(self) -> dict[str, Any]:
        """Give the options as Ollama reads them."""
        return {
            "num_ctx": self.num_ctx,
            "num_predict": self.num_predict,
            "temperature": self.temperature,
            "seed": self.seed,
        }

    @property
    def prompt_budget(self) -> int:
        """Give how many tokens the prompt may have, so that the whole answer fits behind it."""
        return self.num_ctx - self.num_predict

    @property
    def prompt_tokens(self) -> int:
        """Give a careful estimate of the prompt's tokens."""
        return sum(estimated_tokens(message.content) + TOKENS_PER_MESSAGE for message in self.messages)


class Failure(StrEnum):
    """Why an answer is none; stable words that are stored."""

    TIMED_OUT = "timed_out"
    STALLED = "stalled"
    NO_END = "no_end"
    CUT_OFF = "cut_off"
    LOOP = "loop"
    EMPTY = "empty"
    TOO_LONG = "too_long"
    GARBAGE = "garbage"
    SERVER_ERROR = "server_error"
    PROMPT_CUT = "prompt_cut"


@dataclass(frozen=True)
class Answer:
    """What a model answered, whole.

    ``digest`` names the exact weights. ``seconds`` is our clock, ``load_seconds``, ``prompt_seconds`` and
    ``answer_seconds`` are the server's. ``options`` are those that were sent.
    """

    text: str
    model: str
    digest: str
    prompt_tokens: int
    answer_tokens: int
    seconds: float
    done_reason: str
    options: Mapping[str, Any]
    thinking: str = ""
    load_seconds: float = 0.0
    prompt_seconds: float = 0.0
    answer_seconds: float = 0.0

    @property
    def tokens_per_second(self) -> float:
        """Give the speed of writing, 0 where the server did not say."""
        return self.answer_tokens / self.answer_seconds if self.answer_seconds else 0.0


@dataclass(frozen=True)
class FailedAnswer:
    """A model began to answer, or was let try until a limit, and no whole answer came of it.

    ``text`` is what had come until then; ``detail`` says it in words, with what to do.
    """

    reason: Failure
    detail: str
    text: str
    model: str
    digest: str
    seconds: float
    options: Mapping[str, Any]
    thinking: str = ""
    prompt_tokens: int = 0
    answer_tokens: int = 0


@dataclass(frozen=True)
class ModelFacts:
    """What is known of one model on the server.

    ``context_tokens`` is the longest context it was made for, ``cache_bytes_per_token`` what one token of
    context takes in memory; both 0 where the server does not say. ``loaded_bytes`` is what it takes in memory
    now, 0 when it is not loaded.
    """

    name: str
    available: bool
    digest: str = ""
    size_bytes: int = 0
    parameter_size: str = ""
    quantization: str = ""
    family: str = ""
    context_tokens: int = 0
    cache_bytes_per_token: int = 0
    can_think: bool = False
    loaded_bytes: int = 0
    loaded_until: str = ""


@dataclass(frozen=True)
class Speed:
    """How fast a model is here: seconds to load it, seconds until the first token, tokens a second."""

    model: str
    digest: str
    load_seconds: float
    first_token_seconds: float
    prompt_tokens_per_second: float
    answer_tokens_per_second: float
    seconds: float


@dataclass(frozen=True)
class Heard:
    """How far a running answer is: for live progress."""

    model: str
    characters: int
    pieces: int
    seconds: float
    seconds_left: float


def estimated_tokens(text: str) -> int:
    """Give a careful (high) estimate of a text's tokens; text outside ASCII costs more."""
    wide = sum(1 for character in text if ord(character) > 127)  # noqa: PLR2004 - the end of ASCII
    return int((len(text) - wide) / CHARACTERS_PER_TOKEN + wide) + 1


def whole_characters(text: str) -> str:
    """Give a text without half characters, which JSON can carry and UTF-8 cannot: pairs of halves are joined."""
    if _HALF.search(text) is None:
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
