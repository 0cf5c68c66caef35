"""Makes text parse again: indentation, brackets, operators, cut-off ends. One small repair at a time.

Every repair is tried and kept only if Python's parser then gets further (or through). Nothing is guessed at that
would change what parsed before.
"""

from cfsm.domain.intake.menders import MENDERS
from cfsm.domain.intake.repair import Repair
from cfsm.domain.intake.torn import Torn, torn

MAX_REPAIRS = 40
MAX_CHARACTERS = 60_000
"""Longer texts that do not parse are not mended: no strategy is so long, and every try parses it whole."""


def mend_layout(text: str, *, is_cut: bool = False) -> tuple[str, list[Repair], Torn | None]:
    """Give the text after the repairs that let it parse, the repairs, and what is still torn (or None)."""
    repairs: list[Repair] = []
    error = torn(text, is_cut=is_cut)
    while error is not None and len(repairs) < MAX_REPAIRS and len(text) <= MAX_CHARACTERS:
        mended = _first_that_helps(error)
        if mended is None:
            break
        text, repair, error = mended
        repairs.append(repair)
    return text, _joined(repairs), error


def _first_that_helps(error: Torn) -> tuple[str, Repair, Torn | None] | None:
    """Give the first candidate of any mender with which the parser gets further."""
    for mender in MENDERS:
        for text, repair in mender(error):
            after = torn(text, is_cut=error.is_cut)
            if after is None or _is_further(after, error):
                return text, repair, after
    return None


def _is_further(after: Torn, before: Torn) -> bool:
    """Say whether the error moved towards the end, counted in lines that are left behind it."""
    left_after = len(after.lines) - after.line
    left_before = len(before.lines) - before.line
    same_line = left_after == left_before and len(after.current) - after.column < len(before.current) - before.column
    return left_after < left_before or same_line


def _joined(repairs: list[Repair]) -> list[Repair]:
    """Give one entry for repairs of the same name, at the first line."""
    joined: dict[str, Repair] = {}
    counts: dict[str, int] = {}
    for repair in repairs:
        joined.setdefault(repair.name, repair)
        counts[repair.name] = counts.get(repair.name, 0) + 1
    return [
        repair if counts[name] == 1 else Repair(name, repair.line, f"{repair.detail}, and {counts[name] - 1} more")
        for name, repair in joined.items()
    ]
