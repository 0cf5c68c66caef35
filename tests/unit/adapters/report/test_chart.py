"""Charts of values by days."""

import re
from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfsm.adapters.report.chart import BOTTOM, HEIGHT, LEFT, MOST_POINTS, RIGHT, TOP, WIDTH, Scale, line_chart, thinned

FIRST = date(2025, 1, 1)


def points(*values):
    return [(FIRST + timedelta(days=place), value) for place, value in enumerate(values)]


def drawn(chart):
    """The points of the line, as numbers."""
    line = next(part for part in ET.fromstring(chart) if part.get("class") == "line")
    return [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=50))
def test_every_point_lies_within_the_drawing(values):
    for x, y in drawn(line_chart(points(*values), "t", str)):
        assert LEFT <= x <= WIDTH - RIGHT
        assert TOP - 0.1 <= y <= HEIGHT - BOTTOM + 0.1


def test_the_first_day_is_left_and_higher_values_are_above():
    (left, low), (right, high) = drawn(line_chart(points(1.0, 2.0), "t", str))

    assert left < right
    assert high < low


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ((1000.0, 1480.0), ["1000", "1100", "1200", "1300", "1400", "1500"]),
        ((-0.31, 0.0), ["-0.4", "-0.3", "-0.2", "-0.1", "0"]),
        ((5.0, 5.0), ["4", "4.5", "5", "5.5", "6"]),
    ],
)
def test_the_axis_has_round_numbers(values, labels):
    assert [f"{value:g}" for value in Scale.around(points(*values)).values()] == labels


def test_the_ground_is_part_of_the_axis():
    chart = line_chart(points(10.0, 12.0), "t", lambda value: f"{value:g}", base=0.0)

    assert re.search(r'class="value">0<', chart)


def test_a_title_is_escaped():
    assert "&lt;b&gt;" in line_chart(points(1.0), "<b>", str)


def test_few_points_are_all_drawn_and_many_keep_their_ends_and_extremes():
    few, many = points(1.0, 2.0), points(*(float(place % 977) for place in range(36_600)))
    many[20_001] = (many[20_001][0], -5.0)

    kept = thinned(many)

    assert thinned(few) == few
    assert len(kept) <= MOST_POINTS
    assert (kept[0], kept[-1]) == (many[0], many[-1])
    assert min(value for _, value in kept) == -5.0
    assert max(value for _, value in kept) == 976.0
    assert list(kept) == sorted(kept)
