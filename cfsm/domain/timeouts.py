"""How long a model may take to answer, by its name and the prompt's complexity, and who is asked after it."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import ceil, inf, isfinite
from typing import NamedTuple, TypeVar

Row = TypeVar("Row")

FLOOR_SECONDS = 60
"""No learnt limit is shorter: a model that has to be loaded first needs this much."""

ENOUGH_GENERATIONS = 20
REMEMBERED_GENERATIONS = 200
LEARNT_PERCENT = 95
LEARNT_FACTOR = 3


class Complexity(StrEnum):
    """How much a prompt asks for."""

    FAST = "fast"
    NORMAL = "normal"
    COMPLEX = "complex"


class Timeouts(NamedTuple):
    """The limits of one model, in seconds, by complexity."""

    fast: int
    normal: int
    complex: int

    def seconds(self, complexity: Complexity) -> int:
        """Give the limit for a prompt of this complexity."""
        return {Complexity.FAST: self.fast, Complexity.NORMAL: self.normal, Complexity.COMPLEX: self.complex}[
            complexity
        ]


TABLE: Mapping[str, Timeouts] = {
    "cogito:3b": Timeouts(300, 600, 900),
    "phi3": Timeouts(300, 600, 900),
    "cogito": Timeouts(600, 1200, 1800),
    "llama2": Timeouts(600, 1200, 1800),
    "mistral": Timeouts(900, 1800, 2700),
}
"""Limits by model, a name without a tag standing for all its tags."""

UNKNOWN_MODEL = Timeouts(900, 1800, 2700)
"""For models that the table does not know: the most patient row."""

ANSWER_SECONDS: Mapping[str, float] = {
    "cogito:3b": 3.5,
    "phi3": 4.1,
    "cogito": 8.7,
    "mistral": 13.3,
    "llama2": 16.4,
}
"""What a short answer took when the models were compared; only the order matters."""


class ComplexityRules(NamedTuple):
    """Which prompts are simple (below both fast limits, and without code), normal (below both others) or complex.

    The words are those of the prompts in Italian that the rule was made for.
    """

    fast_below_characters: int = 200
    fast_below_instructions: int = 2
    normal_below_characters: int = 800
    normal_below_instructions: int = 5
    instruction_words: Sequence[str] = ("Includi", "Genera")


def estimate_prompt_complexity(prompt: str, rules: ComplexityRules | None = None) -> Complexity:
    """Give the complexity of a prompt by its length, the code in it and its instructions."""
    limits = rules or ComplexityRules()
    length = len(prompt)
    has_code = "def " in prompt or "class " in prompt
    instructions = sum(prompt.count(word) for word in limits.instruction_words)
    if length < limits.fast_below_characters and not has_code and instructions < limits.fast_below_instructions:
        return Complexity.FAST
    if length < limits.normal_below_characters and instructions < limits.normal_below_instructions:
        return Complexity.NORMAL
    return Complexity.COMPLEX


def timeout_seconds(
    model: str,
    complexity: Complexity,
    table: Mapping[str, Timeouts] = TABLE,
    measured: Sequence[float] = (),
    floor_seconds: int = FLOOR_SECONDS,
) -> int:
    """Give the limit for one answer.

    ``measured`` are the seconds of past answers of this model at this complexity, oldest first; those that
    ran into their limit belong among them, at the limit, or the limit would teach itself to shrink. From 20
    on, the limit is three times the 95th percentile of the last 200: never above the table's, and not below
    ``floor_seconds`` unless the table itself is.
    """
    limit = look_up(model, table, UNKNOWN_MODEL).seconds(complexity)
    usable = sorted(value for value in measured[-REMEMBERED_GENERATIONS:] if isfinite(value) and value > 0)
    if len(usable) < ENOUGH_GENERATIONS:
        return limit
    percentile = usable[ceil(len(usable) * LEARNT_PERCENT / 100) - 1]
    return min(limit, max(floor_seconds, ceil(LEARNT_FACTOR * percentile)))


def fallback_order(model: str, models: Sequence[str], measured_seconds: Mapping[str, float] | None = None) -> list[str]:
    """Give the models to ask after this one failed: those that are faster, the next faster first.

    ``measured_seconds`` are typical answer times of models by their full names and go before what is known in
    general; models of which nothing is known count as slower than all others. The order of ``models`` does
    not matter; an empty list means that a predefined strategy is next.
    """
    known = measured_seconds or {}

    def slowness(name: str) -> tuple[float, str]:
        return known.get(name, look_up(name, ANSWER_SECONDS, inf)), name

    own_seconds, _ = slowness(model)
    faster = [name for name in dict.fromkeys(models) if name != model and slowness(name)[0] < own_seconds]
    return sorted(faster, key=slowness, reverse=True)


def look_up(model: str, table: Mapping[str, Row], otherwise: Row) -> Row:
    """Give the row of a model: that of the longest key that begins its name, or ``otherwise``.

    ``mistral`` stands for ``mistral:7b-instruct-q4_0`` and ``cogito:3b`` for ``cogito:3b-v1``, not for
    ``mistral-nemo``; upper case and what stands before a slash do not matter.
    """
    name = model.rpartition("/")[2].lower()
    found = [key for key in table if _stands_for(key.lower(), name)]
    return table[max(found, key=len)] if found else otherwise


def _stands_for(key: str, name: str) -> bool:
    # A family ends at the colon before the tag; a size within the tag ends at a hyphen as well.
    end = "-" if ":" in key else ":"
    return name == key or name.startswith(key + end)
