"""What is wrong with a configuration: each problem with its place, its key, and what to change."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from cfsm.application.errors import Misconfigured

SHOWN_CHARACTERS = 80
SHOWN_PROBLEMS = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to change. `file` is a path or "environment"; `line` counts from 1, None where there is none."""

    file: str
    line: int | None
    key: str
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(printable(part) for part in (place, self.key, self.message) if part)


class ConfigurationError(Misconfigured):
    """The configuration cannot be used; `problems` has everything that must be changed, in order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def printable(text: str) -> str:
    """The text with control characters and broken encodings spelled out: safe for any terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def got(value: object) -> str:
    """A note that quotes the wrong value, shortened."""
    text = printable(json.dumps(value, ensure_ascii=False, default=str))
    if len(text) > SHOWN_CHARACTERS:
        text = text[: SHOWN_CHARACTERS - 1] + "…"
    return f"(got {text})"


def nearest(word: str, known: Sequence[str], *, spelled: dict[str, str] | None = None) -> str:
    """A question that names the known word most like this one, or nothing if none is like it.

    `spelled` gives other spellings (the last part of a dotted key, say) and the known word each stands for.
    """
    spellings = {**(spelled or {}), **{known_word: known_word for known_word in known}}
    lowered = {spelling.lower(): known_word for spelling, known_word in spellings.items()}
    found = get_close_matches(word[:SHOWN_CHARACTERS].lower(), lowered, n=1)
    return f"; did you mean {lowered[found[0]]}?" if found else ""
