import ast
import json
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfsm.domain.code_identity import MAX_DEPTH, MAX_SOURCE_BYTES, NotPython, normalised_hash, parse

CORPORA = Path(__file__).parents[4] / "shared" / "corpora"

ORIGINAL = b'''
from freqtrade.strategy import IStrategy


class TrendStrategy_phi3_20241201_143022(IStrategy):
    """Follow the trend."""

    stoploss = -0.10
    minimal_roi = {"0": 0.05, "30": 0.01}

    def populate_entry_trend(self, dataframe, metadata):
        """Enter."""
        dataframe.loc[(dataframe["rsi"] < 30), "enter_long"] = 1  # cheap
        return super(TrendStrategy_phi3_20241201_143022, self).populate_entry_trend(dataframe, metadata)
'''

REWRITTEN = b"""from freqtrade.strategy import IStrategy
class Other(IStrategy):
    stoploss = -.1
    minimal_roi = {'0': 5e-2,
                   '30': 0.010,}
    'a comment that is a string'
    def populate_entry_trend(self, dataframe, metadata):
        pass
        dataframe.loc[dataframe['rsi'] < 3_0, 'enter_' "long"] = 0x1
        return super(Other, self).populate_entry_trend(
            dataframe,
            metadata,
        )
"""


def test_the_same_code_written_otherwise_has_the_same_hash():
    assert normalised_hash(REWRITTEN) == normalised_hash(ORIGINAL)


def test_the_hash_is_the_same_for_ever():
    assert normalised_hash(ORIGINAL) == "3694e42bac403c5660b10133eae62265f9de722ab355801625557df4ff502c9b"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"-0.10", b"-0.11"),
        (b"-0.10", b"0.10"),
        (b"30)", b"30.0)"),
        (b"= 1 ", b"= True "),
        (b"= 1 ", b'= "1" '),
        (b'"30": 0.01', b'b"30": 0.01'),
        (b"<", b"<="),
        (b"enter_long", b"enter_short"),
        (b'{"0": 0.05, "30": 0.01}', b'{"30": 0.01, "0": 0.05}'),
        (b"(IStrategy)", b"(Other)"),
        (b"dataframe, metadata):", b"dataframe, metadata=None):"),
        (b"return", b"yield"),
        (b"    stoploss", b"    timeframe = '5m'\n    stoploss"),
    ],
)
def test_a_change_of_meaning_changes_the_hash(before, after):
    changed = ORIGINAL.replace(before, after, 1)

    assert changed != ORIGINAL
    assert normalised_hash(changed) != normalised_hash(ORIGINAL)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"class A: x = 1\nclass B(A): y = 2", b"class C: x = 1\nclass D(C): y = 2"),
        (b"def f():\n    'doc'\n", b"def f(): ...\n"),
        (b"x = u'a'", b"x = 'a'"),
        (b"x = (1)", b"x = 1"),
        (b"x = 1\r\ny = 2\r\n", b"x = 1\ny = 2"),
        (b"x = 1\ry = 2", b"x = 1\ny = 2"),
        (b"\xef\xbb\xbfx = 1", b"x = 1"),
        (b"# -*- coding: utf-8 -*-\nx = 1", b"x = 1"),
        (b"# vim: set fileencoding=UTF8 :\nx = 1", b"x = 1"),
        (b"if a:\n  b\nelse:\n  pass\n", b"if a:\n        b\n"),
        (b"#\n#\n# coding: utf-7\nx = 1", b"x = 1"),
    ],
)
def test_pairs_that_say_the_same(one, other):
    assert normalised_hash(one) == normalised_hash(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"class A: pass\nA()", b"class A: pass\nB()"),
        (b"class A: pass\nx.A", b"class B: pass\nx.B"),
        (b"class A: pass\nclass B(A): pass", b"class A: pass\nclass B: pass"),
        (b"return_none = None", b"return_none = 'None'"),
        (b"x = -0.0", b"x = 0.0"),
        (b"x = 1e999", b"x = 1e308"),
        (b"x = 1j", b"x = 1.0"),
        (b"f(a, b)", b"f([a, b])"),
        (b"f(a)(b)", b"f(a, b)"),
        (b"{**a}", b"{None: a}"),
        (b"global a, b", b"global a; b"),
        (b"from . import a", b"from .. import a"),
        (b"f'{a!r}'", b"f'{a!s}'"),
        (b"def f(a, /, b): return 1", b"def f(a, b): return 1"),
        (b"def f(a, *, b): return 1", b"def f(a, b): return 1"),
        (b"x = '<class 0>'\nclass A: y = x", b"x = A\nclass A: y = x"),
    ],
)
def test_pairs_that_say_something_else(one, other):
    assert normalised_hash(one) != normalised_hash(other)


@pytest.mark.parametrize(
    ("source", "complaint", "line"),
    [
        (b"x = 1\ny = (", "was never closed", 2),
        (b"if x:\npass", "expected an indented block", 2),
        (b"Here is your strategy:\n", "invalid syntax", 1),
        (b"\n\0\n", "a NUL byte", 2),
        (b"x = 1\ny = '\xff'", "not UTF-8", 2),
        (b"# coding: utf-7\nx = 1", "declares the encoding utf-7", 1),
        (b"#!/usr/bin/python\n# -*- coding: latin-1 -*-\n", "declares the encoding latin-1", 2),
        (b"#\r# coding=utf-7\rx = 1", "declares the encoding utf-7", 2),
        (b"\xef\xbb\xbf# coding: utf-7", "declares the encoding utf-7", 1),
        (b"x = " + b"9" * 5000, "Exceeds the limit", 1),
        (b"x = 1\ny = " + b"+".join([b"1"] * 700), "nested deeper than 200", 2),
        (b"x = " + b"+".join([b"1"] * 20_000), "nested deeper than 200", None),
        (b"x = " + b"-" * 50_000 + b"1", "nested deeper than 200", None),
        (b"(" * 300, "too many nested parentheses", 1),
        (b"x" + b".a" * 5000, "nested deeper than 200", None),
        (b"#" * (MAX_SOURCE_BYTES + 1), "at most 1000000 are read", None),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(source, complaint, line):
    with pytest.raises(NotPython, match=complaint) as refusal:
        normalised_hash(source)

    assert refusal.value.line == line
    assert str(refusal.value).startswith(f"line {line}: " if line else refusal.value.message)


def test_depth_up_to_the_limit_is_read_even_where_little_stack_is_left():
    # Module, Assign and the operators above the innermost constant.
    source = b"x = " + b"+".join([b"1"] * (MAX_DEPTH - 2))
    shallow = normalised_hash(source)

    def deep(levels):
        return normalised_hash(source) if levels == 0 else deep(levels - 1)

    assert deep(sys.getrecursionlimit() - 300) == shallow
    with pytest.raises(NotPython, match="nested deeper"):
        normalised_hash(source + b"+1+1")


def test_reading_goes_on_after_a_source_that_was_too_deep():
    for _ in range(3):
        with pytest.raises(NotPython):
            parse(b"-" * 6000 + b"1")

        assert isinstance(parse(b"x = 1"), ast.Module)


def test_a_doubtful_escape_is_read_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        assert normalised_hash(b"x = '\\d'") == normalised_hash(b"x = '\\\\d'")


def test_lone_surrogates_and_huge_numbers_have_a_hash():
    assert normalised_hash(b"x = '\\ud800'") != normalised_hash(b"x = '\\ud801'")
    assert normalised_hash(b"x = 0x" + b"f" * 50_000) != normalised_hash(b"x = 0x" + b"e" * 50_000)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_have_a_hash_or_are_not_python(source):
    try:
        text = normalised_hash(source)
    except NotPython:
        return
    assert len(text) == 64


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(sorted(Path(ast.__file__).parent.glob("*/*.py"))[:80]))
def test_real_code_and_its_reprint_have_the_same_hash(path):
    source = path.read_bytes()
    try:
        tree = parse(source)
    except NotPython:
        return

    assert normalised_hash(ast.unparse(tree).encode()) == normalised_hash(source)


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the shared corpora are not beside this checkout")
def test_hostile_strategies_are_read_or_refused_and_told_apart():
    lines = (CORPORA / "hostile.jsonl").read_text().splitlines()
    sources = [json.loads(line)["source"].encode() for line in lines]
    hashes = []
    for source in sources:
        try:
            hashes.append(normalised_hash(source))
        except NotPython:
            continue

    assert len(set(hashes)) == len(hashes) > len(sources) / 2
