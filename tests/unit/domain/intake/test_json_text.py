import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfsm.domain.intake.json_text import Lenient, NotJson, find_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_plain_json_is_read_as_it_is(value):
    reader = Lenient(json.dumps(value))

    assert reader.value() == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a': 1, 'b': [True, None],}", {"a": 1, "b": [True, None]}),
        ('{a: 1 // one\n, "b": 2 # two\n}', {"a": 1, "b": 2}),
        ('{"a": 1\n "b": 2}', {"a": 1, "b": 2}),
        ('{"a": "it is "good" code"}', {"a": 'it is "good" code'}),
        ("{'a': 'don't', 'b': 2}", {"a": "don't", "b": 2}),
        ('{"a": "two\nlines"}', {"a": "two\nlines"}),
        ('{"a": """two\nlines"""}', {"a": "two\nlines"}),
        ("{“a”: “b”}", {"a": "b"}),
        ('{"a": +.5, "b": 1e3}', {"a": 0.5, "b": 1000.0}),
    ],
)
def test_nearly_json_is_read_and_told_apart(text, value):
    reader = Lenient(text)

    assert reader.value() == value
    assert not reader.strict


@pytest.mark.parametrize("text", ["", "{", '{"a"', '{"a": }', '{"a": 1 "b": 2}', "[1, 2", "nothing", "{" * 200])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(NotJson):
        Lenient(text).value()


def test_the_largest_value_in_a_text_is_found():
    assert find_json('See [1] and {"a": {"b": 2}} and {}') == ({"a": {"b": 2}}, True)


@pytest.mark.parametrize("text", ["no braces", "{ not json }", "{" * 100_000, '{"' * 50_000])
def test_a_text_without_json_has_none_and_takes_no_time(text):
    assert find_json(text) is None
