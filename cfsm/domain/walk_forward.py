"""Which days may be looked at for what: a screening range, the walk-forward windows, a last proof range.

The days of a data set are divided once, in order, and every part is for one purpose alone:

- ``screening``: in sample. Whatever is chosen while a strategy comes into being, and every hyperopt epoch, is
  judged here.
- ``windows``: out of sample. The leaderboard's scores, the gates, and the comparison of optimised with original
  parameters come from here; the windows follow each other without a gap and make up the walk-forward range.
- ``proof``: never seen by optimisation or selection. It is shown beside the score, and decides nothing.

Between two parts one day is left out, because Freqtrade's timeranges include the candle at which they end.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise

EMBARGO = timedelta(days=1)
"""What lies between two parts and belongs to none."""


class Part(StrEnum):
    """What a run over some of the days is for. ``whole``: all days, where they are too few to be divided."""

    WHOLE = "whole"
    SCREENING = "screening"
    WALK_FORWARD = "walk_forward"
    PROOF = "proof"

    @property
    def in_words(self) -> str:
        """The part as people read it."""
        return "all" if self is Part.WHOLE else self.value.replace("_", "-")

    @property
    def sample(self) -> str:
        """Whether anything is chosen on its days."""
        return "out of sample" if self in OUT_OF_SAMPLE else "in sample"


OUT_OF_SAMPLE = frozenset({Part.WALK_FORWARD, Part.PROOF})


@dataclass(frozen=True, slots=True, order=True)
class DayRange:
    """UTC days from ``first`` up to ``end``, which is no longer one of them. Raise ValueError for none."""

    first: date
    end: date

    def __post_init__(self) -> None:
        if self.first >= self.end:
            raise ValueError(f"There is no day from {self.first} to before {self.end}")

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.end - self.first).days

    @property
    def timerange(self) -> str:
        """The range as Freqtrade writes it, as in ``20250101-20250401``."""
        return f"{self.first:%Y%m%d}-{self.end:%Y%m%d}"

    @classmethod
    def of_candles(cls, first: datetime, last: datetime, timerange: str = "") -> "DayRange":
        """Give the days that candles opening from ``first`` to ``last`` cover in whole or part, within a timerange.

        ``timerange`` is Freqtrade's, of days, open at either end or empty. Raise ValueError where nothing is left.
        """
        begin, _, end = timerange.partition("-")
        wanted = _day(begin) or date.min, _day(end) or date.max
        return cls(max(first.date(), wanted[0]), min(last.date() + timedelta(days=1), wanted[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class DivisionRules:
    """How days are divided: shares of the whole (0 to 1), how many windows, and below how many days not at all.

    No ``windows`` divide nothing.
    """

    screening_share: float = 0.5
    proof_share: float = 0.2
    windows: int = 3
    minimum_days: int = 30

    def __post_init__(self) -> None:
        if not (0 < self.screening_share < 1 and 0 < self.proof_share < 1):
            raise ValueError("the shares of screening and proof must lie between 0 and 1")
        if self.screening_share + self.proof_share >= 1:
            raise ValueError("screening and proof leave no day for the walk-forward windows")


@dataclass(frozen=True, slots=True)
class Division:
    """The days of a data set, divided. Where they are too few, all are ``screening`` and the rest is empty."""

    screening: DayRange
    windows: tuple[DayRange, ...] = ()
    proof: DayRange | None = None

    @property
    def is_divided(self) -> bool:
        """Say whether anything is out of sample."""
        return bool(self.windows)

    @property
    def walk_forward(self) -> DayRange | None:
        """The windows as one range."""
        return DayRange(self.windows[0].first, self.windows[-1].end) if self.windows else None

    def parts(self) -> Iterator[tuple[Part, DayRange]]:
        """Give each part that is run by itself, in the order of time."""
        if self.walk_forward is None or self.proof is None:
            yield Part.WHOLE, self.screening
            return
        yield Part.SCREENING, self.screening
        yield Part.WALK_FORWARD, self.walk_forward
        yield Part.PROOF, self.proof


def divide(span: DayRange, rules: DivisionRules) -> Division:
    """Divide the days of a span; all of them are screening where they are fewer than the rules want.

    The shares are of the days that are left when those between the parts are taken off; screening and proof are
    rounded down, and what windows cannot share evenly goes to the first of them.
    """
    days = span.days - 2 * EMBARGO.days
    if not rules.windows or span.days < rules.minimum_days:
        return Division(span)
    screening, proof = int(days * rules.screening_share), int(days * rules.proof_share)
    tested = days - screening - proof
    if min(screening, proof, tested // rules.windows) < 1:
        return Division(span)
    ends = [tested * number // rules.windows for number in range(rules.windows + 1)]
    lengths = sorted((later - earlier for earlier, later in pairwise(ends)), reverse=True)
    screened = DayRange(span.first, span.first + timedelta(days=screening))
    windows = tuple(_in_a_row(screened.end + EMBARGO, lengths))
    return Division(screened, windows, DayRange(windows[-1].end + EMBARGO, span.end))


def _in_a_row(first: date, lengths: list[int]) -> Iterator[DayRange]:
    for length in lengths:
        end = first + timedelta(days=length)
        yield DayRange(first, end)
        first = end


def _day(text: str) -> date | None:
    return datetime.strptime(text, "%Y%m%d").date() if text else None  # noqa: DTZ007  a day has no time zone
