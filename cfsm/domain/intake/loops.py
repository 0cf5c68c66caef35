"""Finds where a model fell into repeating itself."""

MAX_PERIOD_LINES = 12
MIN_REPEATED_LINES = 24
MIN_REPEATS = 6
MIN_REPEATED_CHARACTERS = 400
TAIL_CHARACTERS = 6000


def loop_start(text: str) -> int | None:
    """Give the offset at which the text's end began to repeat itself, or None if it does not.

    A loop is a tail made of at least six equal blocks: of up to twelve lines (24 lines in all), or of any
    characters (400 in all). Blank tails count too: under a grammar small models write white space without end.
    """
    tail = text[-TAIL_CHARACTERS:]
    begins = len(text) - len(tail)
    found = _repeated_lines(tail)
    if found is None:
        found = _repeated_characters(tail)
    return None if found is None else begins + found


def _repeated_lines(tail: str) -> int | None:
    """Give where repeated lines begin; the last line may be unfinished."""
    lines = tail.split("\n")
    bare = [line.strip() for line in lines]
    end = len(bare) - 1 if not bare[-1] else len(bare)
    for unfinished in (0, 1):
        kept = bare[: end - unfinished]
        for period in range(1, MAX_PERIOD_LINES + 1):
            count = _equal_blocks(kept, period)
            if count >= MIN_REPEATS and count * period >= MIN_REPEATED_LINES and any(kept[-period:]):
                first = len(kept) - count * period
                return len("\n".join(lines[:first])) + (1 if first else 0)
    return None


def _equal_blocks(items: list[str], period: int) -> int:
    """Give how many equal blocks of this many items end the list."""
    if len(items) < 2 * period:
        return 1
    end = len(items)
    last = end - period
    while last > 0 and items[last - 1] == items[last - 1 + period]:
        last -= 1
    return (end - last) // period


def _repeated_characters(tail: str) -> int | None:
    """Give where repeated characters begin; the shortest period that repeats long enough."""
    longest = len(tail) // MIN_REPEATS
    for period in range(1, min(longest, 200) + 1):
        first = len(tail) - period
        while first > 0 and tail[first - 1] == tail[first - 1 + period]:
            first -= 1
        repeated = len(tail) - first
        if repeated >= MIN_REPEATED_CHARACTERS and repeated >= MIN_REPEATS * period:
            return first
    return None
