"""Files that are no configuration end in a clear problem: huge, deep, binary, unfolding, unreadable."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from cfsm.settings import Problem, check
from cfsm.settings.layers import read_file


def problem(folder: Path, content: bytes | str, name: str = "cfsm.yaml") -> Problem:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    (found,) = check(file).problems
    assert found.file == str(file)
    return found


@pytest.mark.parametrize("name", ["cfsm.yaml", "cfsm.json"])
@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"a: 1\n" * 2_000_000, None, "larger than 1000000 bytes"),
        (b"\x00\x01\x02" * 100, 1, "control character U+0000"),
        (b"{}\n# \x1b[31m", 2, "control character U+001B"),
        (b"{}\n\n\xff\xfe", 3, "not UTF-8 text (byte 0xff)"),
        ("generation: {}".encode("utf-16"), 1, "not UTF-8 text"),
        (b"[" * 50_000, 1, "nested more than 16 deep"),
        (b"[1, 2]", 1, "must hold sections of keys, not a list"),
        (b"3", 1, "must hold sections of keys, not a single value"),
        (b"[" + b"1," * 30_000 + b"1]", 1, "more than 20000 keys and values"),
    ],
)
def test_what_is_no_configuration_says_so(tmp_path, name, content, line, message):
    found = problem(tmp_path, content, name)

    assert (found.line, found.key) == (line, "")
    assert message in found.message


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"# nothing\n",
        b"---\n",
        b"null\n",
        b"{}\n",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbfgeneration: {seed: 3}\r\n",
    ],
)
def test_an_empty_file_is_a_right_one(tmp_path, content):
    file = tmp_path / "cfsm.yaml"
    file.write_bytes(content)

    assert check(file).problems == []


def test_lines_that_unfold_to_gigabytes_are_refused(tmp_path):
    laughs = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )

    found = problem(tmp_path, laughs)

    assert (found.line, found.message) == (2, "aliases (*name) are not read; write the value out")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("generation:\n  seed: 1\n bad: 2\n", 3, "not YAML: "),
        ("generation:\n\tseed: 1\n", 2, "indent with spaces, not tabs"),
        ("generation: [1, 2\n\n", 3, "not YAML: "),
        ('profile: "x\n', 2, "not YAML: "),
        ("generation: !!python/object:os.system {}\n", 1, "tags (!name) are not read"),
        ("--- {}\n--- {}\n", 2, "a second document begins"),
        ("{a: 1}: 2\n", 1, "a key must be a word"),
        ("%YAML 3.0\n---\n{}", 1, "not YAML: "),
        ("\ufffe: 1", None, "not YAML: "),
    ],
)
def test_broken_yaml_names_the_line(tmp_path, text, line, message):
    found = problem(tmp_path, text)

    assert found.line == line
    assert message in found.message


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "a value is missing"),
        ("{", 1, "expected a key in double quotes"),
        ('{\n "a": 1\n "b": 2}', 3, "expected ',' or '}'"),
        ('{"a" 1}', 1, "a ':' must follow the key"),
        ('{\n"a": yes}', 2, "text must stand in double quotes"),
        ("{a: 1}", 1, "expected a key in double quotes"),
        ('{"a": 1}\n{}', 2, "nothing may follow"),
        ('{"a": 1} end', 1, "nothing may follow"),
        ('{"a": "b}', 1, "text without its closing quote"),
        ('{"a": "b\n"}', 1, "text without its closing quote"),
        ("{} /* open", 1, "a comment without its end"),
        ("{\"a\": 'b'}", 1, 'unexpected "\'"'),
        ('{"a": "\\x"}', 1, "a wrong escape"),
        ('{"a": 01}', 1, "a number written wrongly"),
        ('{"a": NaN}', 1, "text must stand in double quotes"),
        ('{"a": -}', 1, "unexpected '-'"),
        ("{,}", 1, "expected a key in double quotes"),
        ('{"a": [,]}', 1, "a value is missing"),
        ('{"a": }', 1, "a value is missing"),
    ],
)
def test_broken_json_names_the_line(tmp_path, text, line, message):
    found = problem(tmp_path, text, "cfsm.json")

    assert found.line == line
    assert message in found.message


def test_json_has_comments_trailing_commas_and_escapes(tmp_path):
    file = tmp_path / "cfsm.json"
    file.write_text(
        '// head\n{ /* a\n b */ "generation": {"seed": 5, "models": ["phi3", "a\\u0062c",],}, // tail\n'
        '"store": {"password": "// none \\" \\ud83d\\ude00"}}\n// end'
    )

    layer = read_file(file)

    assert layer.problems == ()
    assert layer.plain() == {
        "generation": {"seed": 5, "models": ["phi3", "abc"]},
        "store": {"password": '// none " \N{GRINNING FACE}'},
    }
    assert layer.line(("generation", "seed")) == 3


def test_words_of_yaml_mean_what_they_say(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text("a: [12:30, 1_0, 010, 0x1, no, 2024-01-01, 1e3, .5, -.inf, ~, True, '7', 1., 20250101-20250601]")

    assert read_file(file).plain() == {
        "a": [
            "12:30",
            "1_0",
            10,
            "0x1",
            "no",
            "2024-01-01",
            1000.0,
            0.5,
            float("-inf"),
            None,
            True,
            "7",
            1.0,
            "20250101-20250601",
        ]
    }


def test_a_given_file_must_be_there(tmp_path):
    (found,) = check(tmp_path / "none.yaml").problems

    assert str(found) == f"{tmp_path}/none.yaml: cannot be read: No such file or directory"


def test_a_folder_is_no_file(tmp_path):
    (found,) = check(tmp_path).problems

    assert found.message == "is not a regular file; name a YAML or JSON file"


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")

    (found,) = check(tmp_path / "pipe.yaml").problems

    assert found.message == "is not a regular file; name a YAML or JSON file"


def test_a_link_to_nothing_in_the_home_is_no_missing_file(tmp_path):
    from cfsm.settings import ConfigurationError, load

    (tmp_path / "cfsm.yaml").symlink_to("gone")

    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        load(tmp_path, environ={})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_says_so(tmp_path):
    file = tmp_path / "cfsm.yaml"
    file.touch(mode=0)

    (found,) = check(file).problems

    assert found.message == "cannot be read: Permission denied"


def test_a_name_with_a_zero_byte_is_none():
    (found,) = check(Path("a\0b.yaml")).problems

    assert found.message == "is no file's name"


@pytest.mark.parametrize("name", ["fuzz.yaml", "fuzz.json"])
@given(
    content=st.one_of(
        st.binary(max_size=300), st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
    )
)
@hypothesis_settings(max_examples=150, deadline=None)
def test_no_bytes_break_the_reader(tmp_path_factory, name, content):
    file = tmp_path_factory.getbasetemp() / name
    file.write_bytes(content)

    assert all(str(found).isprintable() for found in check(file).problems)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(value=st.dictionaries(st.text(max_size=8), JSON_VALUES, max_size=3))
@hypothesis_settings(max_examples=100, deadline=None)
def test_json_is_read_as_the_standard_library_reads_it(tmp_path_factory, value):
    import json

    from cfsm.settings.json_text import parse_json
    from cfsm.settings.tree import TreeBuilder

    builder = TreeBuilder()
    parse_json(json.dumps(value, indent=1), builder)

    assert builder.root is not None
    assert builder.root.plain() == value
