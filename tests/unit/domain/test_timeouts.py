from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfsm.domain.timeouts import (
    ANSWER_SECONDS,
    TABLE,
    Complexity,
    Timeouts,
    estimate_prompt_complexity,
    fallback_order,
    look_up,
    timeout_seconds,
)

MODELS = ["phi3:mini", "llama2:7b-chat-q4_0", "mistral:7b-instruct-q4_0", "cogito:3b", "cogito:8b"]


@pytest.mark.parametrize(
    ("model", "minutes"),
    [
        ("phi3", (5, 10, 15)),
        ("llama2", (10, 20, 30)),
        ("mistral", (15, 30, 45)),
        ("phi3:mini", (5, 10, 15)),
        ("library/Mistral:7b-instruct-q4_0", (15, 30, 45)),
        ("cogito:3b", (5, 10, 15)),
        ("cogito:3b-v1-preview", (5, 10, 15)),
        ("cogito:8b", (10, 20, 30)),
        ("cogito", (10, 20, 30)),
        ("cogito:32b", (10, 20, 30)),
        ("mistral-nemo:12b", (15, 30, 45)),
        ("phi3.5", (15, 30, 45)),
        ("something-new:70b", (15, 30, 45)),
        ("", (15, 30, 45)),
    ],
)
def test_limits_are_those_of_the_table_by_model_and_complexity(model, minutes):
    limits = [timeout_seconds(model, complexity) for complexity in Complexity]

    assert limits == [60 * each for each in minutes]


def test_a_faster_model_never_has_more_time_than_a_slower_one_of_its_family():
    assert all(fast <= slow for fast, slow in zip(TABLE["cogito:3b"], TABLE["cogito"], strict=True))


def test_another_table_may_be_configured():
    table = {"mine:7b": Timeouts(1, 2, 3)}

    assert timeout_seconds("mine:7b", Complexity.COMPLEX, table) == 3
    assert timeout_seconds("phi3", Complexity.FAST, table) == 900


@pytest.mark.parametrize(
    ("prompt", "complexity"),
    [
        ("", Complexity.FAST),
        ("x" * 199, Complexity.FAST),
        ("x" * 200, Complexity.NORMAL),
        ("x" * 799, Complexity.NORMAL),
        ("x" * 800, Complexity.COMPLEX),
        ("def f(): pass", Complexity.NORMAL),
        ("class A: pass", Complexity.NORMAL),
        ("classes and undefined", Complexity.FAST),
        ("Includi RSI.", Complexity.FAST),
        ("Includi RSI. Genera codice.", Complexity.NORMAL),
        ("Includi " * 4, Complexity.NORMAL),
        ("Includi " * 2 + "Genera " * 3, Complexity.COMPLEX),
        ("includi genera " * 5, Complexity.FAST),
    ],
)
def test_complexity_is_estimated_by_the_rule(prompt, complexity):
    assert estimate_prompt_complexity(prompt) is complexity


def test_twenty_measured_answers_teach_a_shorter_limit():
    nineteen = [20.0] * 19

    assert timeout_seconds("phi3", Complexity.NORMAL, measured=nineteen) == 600
    assert timeout_seconds("phi3", Complexity.NORMAL, measured=[*nineteen, 40.5]) == 60
    assert timeout_seconds("phi3", Complexity.NORMAL, measured=[40.5] * 20) == 122


def test_the_learnt_limit_is_three_times_the_ninety_fifth_percentile():
    measured = [float(seconds) for seconds in range(1, 101)]

    assert timeout_seconds("phi3", Complexity.COMPLEX, measured=measured) == 3 * 95


def test_what_was_measured_never_lengthens_a_limit():
    assert timeout_seconds("phi3", Complexity.FAST, measured=[290.0] * 50) == 300


def test_a_model_that_has_become_slow_is_learnt_from_its_last_answers():
    assert timeout_seconds("phi3", Complexity.COMPLEX, measured=[1.0] * 5000 + [200.0] * 200) == 600


def test_no_learnt_limit_is_below_the_floor_unless_the_table_is():
    assert timeout_seconds("phi3", Complexity.FAST, measured=[0.1] * 99, floor_seconds=45) == 45
    assert timeout_seconds("m", Complexity.FAST, {"m": Timeouts(30, 30, 30)}, [0.1] * 99) == 30


def test_measurements_that_are_none_are_left_out():
    assert timeout_seconds("phi3", Complexity.FAST, measured=[nan, inf, 0.0, -5.0] * 40) == 300


@settings(deadline=None)
@given(st.sampled_from(MODELS), st.sampled_from(Complexity), st.lists(st.floats(), max_size=60))
def test_every_limit_lies_between_floor_and_table(model, complexity, measured):
    assert 60 <= timeout_seconds(model, complexity, measured=measured) <= timeout_seconds(model, complexity)


def test_after_the_slowest_model_comes_the_next_faster_one():
    assert fallback_order("llama2:7b-chat-q4_0", MODELS) == [
        "mistral:7b-instruct-q4_0",
        "cogito:8b",
        "phi3:mini",
        "cogito:3b",
    ]


def test_after_the_fastest_model_comes_none():
    assert fallback_order("cogito:3b", MODELS) == []


def test_slower_models_are_never_asked_after_a_faster_one():
    assert fallback_order("phi3:mini", MODELS) == ["cogito:3b"]


def test_every_known_model_is_faster_than_an_unknown_one():
    assert fallback_order("new:70b", ["other:1b", "phi3", "phi3", "new:70b"]) == ["phi3"]


def test_what_was_measured_here_goes_before_what_is_known_in_general():
    measured = {"phi3:mini": 30.0, "other:1b": 1.0, "cogito:8b": 8.0}

    assert fallback_order("phi3:mini", ["other:1b", "cogito:8b", "mistral"], measured) == [
        "mistral",
        "cogito:8b",
        "other:1b",
    ]


def test_the_order_of_speed_is_the_measured_one():
    assert sorted(ANSWER_SECONDS, key=ANSWER_SECONDS.__getitem__) == [
        "cogito:3b",
        "phi3",
        "cogito",
        "mistral",
        "llama2",
    ]


def test_keys_of_a_table_may_be_in_upper_case():
    assert look_up("phi3:mini", {"Phi3": 7}, 0) == 7
