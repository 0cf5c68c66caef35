"""Lines of a table: what was measured, the figure, the target, and whether it was met."""

import sys


def say(
    what: str,
    value: float,
    unit: str,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    beside: str = "",
) -> None:
    """Print one line. Without a target the figure stands for itself; ``beside`` is said after all else."""
    target, verdict = "", ""
    if at_most is not None:
        target, verdict = f"at most {at_most:g} {unit}", "met" if value <= at_most else "MISSED"
    if at_least is not None:
        target, verdict = f"at least {at_least:,g} {unit}", "met" if value >= at_least else "MISSED"
    digits = 0 if value >= 1000 else 1 if value >= 100 else 3 if value < 1 else 2
    print(f"{what:<58} {f'{value:,.{digits}f} {unit}':>24}  {target:<28} {verdict:<6}  {beside}".rstrip(), flush=True)


def title(text: str) -> None:
    """Print what the lines that follow are about."""
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def note(text: str) -> None:
    """Say on stderr what is being done, so that a long measurement is no silence."""
    print(f"  ({text} …)", file=sys.stderr, flush=True)
