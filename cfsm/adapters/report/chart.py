"""Line charts over days, as SVG."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, floor, log10

from cfsm.adapters.report.markup import Markup, element

WIDTH, HEIGHT = 960, 260
LEFT, RIGHT, TOP, BOTTOM = 78, 14, 14, 30
MOST_POINTS = 1_200
"""More points than pixels show nothing: of each stretch of days the lowest and the highest are drawn."""

GRID_LINES = 5
MOST_DAY_LABELS = 8

Point = tuple[date, float]


@dataclass(frozen=True)
class Scale:
    """Where values and days lie on the drawing; the value axis ends at round numbers."""

    first: date
    days: int
    low: float
    high: float
    step: float

    @classmethod
    def around(cls, points: Sequence[Point]) -> "Scale":
        """Give the scale that holds these points, at least one."""
        values = [value for _, value in points]
        low, high = min(values), max(values)
        if high - low < 1e-9 * max(1.0, abs(high)):
            low, high = low - 1, high + 1
        step = _round_step((high - low) / GRID_LINES)
        first, last = points[0][0], points[-1][0]
        return cls(first, max(1, (last - first).days), floor(low / step) * step, ceil(high / step) * step, step)

    def x(self, day: date) -> float:
        """Give the place of a day."""
        return LEFT + (WIDTH - LEFT - RIGHT) * (day - self.first).days / self.days

    def y(self, value: float) -> float:
        """Give the place of a value."""
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - self.low) / (self.high - self.low)

    def values(self) -> Iterable[float]:
        """Give the values of the grid's lines."""
        count = round((self.high - self.low) / self.step)
        return (round(self.low + place * self.step, 9) + 0.0 for place in range(count + 1))  # + 0.0: no "-0"


def line_chart(
    points: Sequence[Point], title: str, in_words: Callable[[float], str], base: float | None = None, kind: str = "rise"
) -> Markup:
    """Give a chart of values by days, at least one; ``base`` is the line that the area reaches down, or up, to.

    ``kind`` is ``rise`` or ``fall``, which gives it its colour.
    """
    drawn = thinned(points)
    scale = Scale.around(drawn if base is None else [*drawn, (drawn[-1][0], base)])
    path = " ".join(f"{scale.x(day):.1f},{scale.y(value):.1f}" for day, value in drawn)
    ground = scale.y(scale.low if base is None else base)
    area = f"{scale.x(drawn[0][0]):.1f},{ground:.1f} {path} {scale.x(drawn[-1][0]):.1f},{ground:.1f}"
    return element(
        "svg",
        element("title", title),
        *_value_grid(scale, in_words),
        *_day_labels(scale),
        element("polygon", points=area, class_="area"),
        element("polyline", points=path, class_="line"),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        class_=kind,
        aria_label=title,
    )


def thinned(points: Sequence[Point]) -> Sequence[Point]:
    """Give at most ``MOST_POINTS`` points with the same first, last, lowest and highest ones."""
    if len(points) <= MOST_POINTS:
        return points
    size = ceil(len(points) * 2 / (MOST_POINTS - 2))
    kept = {points[0], points[-1]}
    for start in range(0, len(points), size):
        stretch = points[start : start + size]
        kept |= {min(stretch, key=lambda point: point[1]), max(stretch, key=lambda point: point[1])}
    return sorted(kept)


def _value_grid(scale: Scale, in_words: Callable[[float], str]) -> Iterable[Markup]:
    for value in scale.values():
        y = f"{scale.y(value):.1f}"
        yield element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid")
        yield element("text", in_words(value), x=LEFT - 8, y=y, class_="value")


def _day_labels(scale: Scale) -> Iterable[Markup]:
    count = min(MOST_DAY_LABELS, scale.days + 1)
    for place in range(count):
        days = round(scale.days * place / max(1, count - 1))
        day = date.fromordinal(scale.first.toordinal() + days)
        anchor = "start" if place == 0 else "end" if place == count - 1 else "middle"
        yield element("text", day.isoformat(), x=f"{scale.x(day):.1f}", y=HEIGHT - 8, class_=f"day {anchor}")


def _round_step(least: float) -> float:
    """Give the smallest of 1, 2 and 5 times a power of ten that is not below ``least``."""
    power = 10.0 ** floor(log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))
