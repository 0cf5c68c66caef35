"""Says why an answer holds no strategy, in findings with stable codes."""

import re
from collections.abc import Sequence

from cfsm.domain.evaluation import Finding

WHAT_TO_DO = {
    "NO_ANSWER": "Ask again with another seed.",
    "ONLY_THOUGHTS": "Turn thinking off (think: false) or allow more tokens.",
    "REFUSED": "Say that it is for backtesting and research, or ask another model.",
    "REPEATS": "Ask again with another seed or a higher repeat_penalty.",
    "JSON_NOT_CODE": "Ask for the Python class, or use the blueprint channel.",
    "PSEUDO_CODE": "Ask for a Python class that inherits from IStrategy.",
    "OTHER_LIBRARY": "Ask for Freqtrade: class NAME(IStrategy) with populate_indicators and populate_entry_trend.",
    "NO_CODE": "Ask for Python code only, in one block.",
    "NO_STRATEGY": "Ask for a class that inherits from IStrategy, with all its methods.",
}
_REFUSAL = re.compile(
    r"\bI(?:'m| am) sorry\b|\bI apologi[sz]e\b|\bI (?:can(?:not|'t)|am unable to|am not able to|won't)\b"
    r"|\bas an AI\b|\bmi dispiace\b|\bnon posso\b|\bnon sono in grado\b|\bcome intelligenza artificiale\b",
    re.IGNORECASE,
)
_PSEUDO = re.compile(
    r"^[ \t]*(?:strategy|input|on candle|algorithm|procedure|begin|end if|if .* then)\b.*$",
    re.IGNORECASE | re.MULTILINE,
)
_CODE_SIGNS = re.compile(r"```|^[ \t]*(?:def|class|import|from)\s+\w", re.MULTILINE)


def because(code: str, message: str, line: int | None = None) -> Finding:
    """Give a finding of the intake, with what to do about it."""
    return Finding(code, message, line, WHAT_TO_DO.get(code, ""))


def no_code(spoken: str, answer: str, *, is_loop: bool, has_json: bool, steps: Sequence[str]) -> Finding:
    """Give the reason why an answer holds no strategy."""
    has_code = _CODE_SIGNS.search(spoken) is not None
    thinks_only = not spoken.strip() or ("open_thought" in steps and not has_code)
    reasons = (
        (not answer.strip(), "NO_ANSWER", "The answer is empty"),
        (is_loop, "REPEATS", "The model repeats itself before the strategy is whole"),
        (thinks_only, "ONLY_THOUGHTS", "The answer holds thoughts only, no strategy"),
        (
            has_json and spoken.lstrip().startswith(("{", "[", "```json")),
            "JSON_NOT_CODE",
            "The answer describes a strategy as JSON, where code was asked for",
        ),
        (_PSEUDO.search(spoken), "PSEUDO_CODE", "The answer holds pseudo-code, not Python"),
        (not has_code and _REFUSAL.search(spoken), "REFUSED", "The model refuses to write a strategy"),
        (has_code, "NO_STRATEGY", "The code holds no class of a strategy"),
        (True, "NO_CODE", "The answer is prose without code"),
    )
    return next(because(code, message) for applies, code, message in reasons if applies)
