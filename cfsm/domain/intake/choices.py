"""Reads which of several lettered proposals an answer names as the best."""

import re
from collections.abc import Mapping, Sequence

from cfsm.domain.intake.extraction import spoken_text
from cfsm.domain.intake.json_text import find_json

MAX_REASON_CHARACTERS = 1_000
_KEYS = ("best", "choice", "better", "winner", "vote", "preferred", "migliore", "scelta")
_REASONS = ("reason", "why", "because", "motivo", "explanation")
_THING = r"(?:strategy|strategia|proposal|proposta|option|opzione)"
_LETTER = re.compile(rf"(?:{_THING}\s+)?[`'\"*(]*([A-Z])[`'\"*).:]*", re.IGNORECASE)
_NAMED = re.compile(
    rf"{_THING}\s+[`'\"*]*([A-Z])[`'\"*]*\s+(?:(?:is|è)\s+(?:the |la )?(?:better|best|stronger|migliore)|wins|vince)",
    re.IGNORECASE,
)


def letters(count: int) -> tuple[str, ...]:
    """Give the letters under which so many proposals are shown."""
    return tuple(chr(ord("A") + number) for number in range(count))


def choice_in(answer: str, offered: Sequence[str]) -> tuple[str, str]:
    """Give the letter that an answer chooses among those offered, and its reason; "" where it chooses none."""
    spoken = spoken_text(answer).strip()
    found = find_json(spoken)
    if found is not None and isinstance(found[0], Mapping):
        words = {str(key).lower(): value for key, value in found[0].items()}
        chosen = next((words[key] for key in _KEYS if key in words), "")
        reason = next((words[key] for key in _REASONS if isinstance(words.get(key), str)), "")
        return _letter(str(chosen), offered), reason[:MAX_REASON_CHARACTERS]
    named = {each.group(1).upper() for each in _NAMED.finditer(spoken)} & set(offered)
    chosen = named.pop() if len(named) == 1 else _letter(spoken, offered)
    return chosen, spoken[:MAX_REASON_CHARACTERS]


def _letter(said: str, offered: Sequence[str]) -> str:
    match = _LETTER.fullmatch(said.strip())
    letter = match.group(1).upper() if match else ""
    return letter if letter in offered else ""
