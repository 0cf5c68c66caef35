"""Which of several an answer chooses: what is plain is read, what is not is no choice."""

import pytest

from cfsm.domain.intake.choices import choice_in, letters


@pytest.mark.parametrize(
    ("answer", "chosen"),
    [
        ('{"best": "A", "reason": "x"}', "A"),
        ('```json\n{"best": "b"}\n```', "B"),
        ("{'choice': 'Strategy B', 'why': 'k'}", "B"),
        ("<think>A looks fine</think> B", "B"),
        ("**B**", "B"),
        ("I think Strategy B is better because it exits earlier.", "B"),
        ("La strategia A è la migliore.", "A"),
        ('{"best": ""}', ""),
        ('{"best": "C"}', ""),
        ('{"best": 7}', ""),
        ("Both are fine.", ""),
        ("Strategy A is the best and strategy B is better.", ""),
        ("", ""),
    ],
)
def test_the_choice(answer, chosen):
    assert choice_in(answer, letters(2))[0] == chosen


def test_the_reason_is_kept_as_long_as_it_is_reasonable():
    assert choice_in('{"best": "A", "reason": "its exits"}', letters(2)) == ("A", "its exits")
    assert len(choice_in("word " * 9_000, letters(2))[1]) <= 1_000
