"""Garbage of every type in every key gives a problem that names the key, and never a traceback."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from cfsm.settings import ConfigurationError, Problem, load
from cfsm.settings.fields import FIELDS, KINDS, is_list, is_table, is_text, variable

GARBAGE = {
    "nothing": None,
    "true": True,
    "false": False,
    "whole": 4,
    "huge": 10**400,
    "negative": -(10**30),
    "fraction": 0.123456789,
    "infinite": float("inf"),
    "no number": float("nan"),
    "empty text": "",
    "text": "gárbage in, garbage out!",
    "long text": "x" * 5000,
    "control": "\x07\x1b[31m",
    "half a pair": "\ud800",
    "path": "../../etc/passwd",
    "list": [],
    "nested list": [[[]]],
    "mixed list": [None, 1, "a", {}],
    "section": {"garbage": {"in": "garbage out"}},
    "deep section": {"a": {"b": {"c": {"d": {"e": 1}}}}},
}
ALWAYS_WRONG = ("nested list", "section", "deep section", "mixed list")
ALWAYS_WRONG_NUMBERS = (
    *ALWAYS_WRONG,
    "true",
    "false",
    "huge",
    "negative",
    "infinite",
    "no number",
    "text",
    "list",
    "empty text",
)
ALWAYS_WRONG_FLAGS = (*ALWAYS_WRONG, "nothing", "whole", "text", "list", "fraction", "empty text", "huge")


def problems(folder: Path, environ: dict[str, str], content: object = None) -> list[Problem]:
    """The problems found with these variables and this file, each fit to be printed."""
    file = folder / "garbage.json"
    file.write_text(json.dumps(content).replace("Infinity", "1e999").replace("NaN", '"nan"'))
    try:
        load(folder, file=file, environ=environ)
    except ConfigurationError as error:
        found = error.problems
    else:
        found = []
    assert all(str(problem).isprintable() for problem in found)
    return found


def named_by(problem: Problem, names: Iterable[str]) -> str:
    """The one of the names that the problem is about, or that it is inside of."""
    (name,) = [name for name in names if problem.key == name or problem.key.startswith((f"{name}.", f"{name}["))]
    return name


def always_wrong(key: str) -> tuple[str, ...]:
    """The garbage that no reading of the key can take for a value."""
    if KINDS[key] in ({int}, {float}):
        return ALWAYS_WRONG_NUMBERS
    if KINDS[key] == {bool}:
        return ALWAYS_WRONG_FLAGS
    if is_text(key):
        return (*ALWAYS_WRONG, "true", "whole", "huge", "fraction", "list", "empty text", "long text")
    if is_list(key):
        return ("nested list", "section", "mixed list", "whole", "true", "nothing", "path", "control")
    if is_table(key):
        return ("nested list", "deep section", "whole", "text", "list", "true", "nothing")
    return ALWAYS_WRONG


SECTIONS = [section for section in dict.fromkeys(key.rpartition(".")[0] for key in FIELDS) if section]


def keys_of(section: str) -> list[str]:
    return [key for key in FIELDS if key.rpartition(".")[0] == section]


@pytest.mark.parametrize("section", SECTIONS)
def test_garbage_in_a_file_is_refused_by_name(tmp_path, section):
    keys = keys_of(section)
    for name, value in GARBAGE.items():
        content = dict.fromkeys((key.rpartition(".")[2] for key in keys), value)
        for part in reversed(section.split(".")):
            content = {part: content}

        found = problems(tmp_path, {}, content)

        assert {(problem.file, problem.line) for problem in found} <= {(str(tmp_path / "garbage.json"), 1)}
        named = {named_by(problem, keys) for problem in found}
        assert [key for key in keys if name in always_wrong(key) and key not in named] == [], name


@pytest.mark.parametrize("section", SECTIONS)
def test_garbage_in_a_variable_is_refused_by_name(tmp_path, section):
    names = [variable(key) for key in keys_of(section)]
    for value in GARBAGE.values():
        text = value if isinstance(value, str) else json.dumps(value)

        found = problems(tmp_path, dict.fromkeys(names, text))

        assert {problem.file for problem in found} <= {"environment"}
        assert {named_by(problem, names) for problem in found} <= set(names)
    for text in ("\x07", "\udcff"):
        assert [problem.key for problem in problems(tmp_path, dict.fromkeys(names, text))] == sorted(names)


def test_garbage_for_the_profile_is_refused_by_name(tmp_path):
    for name, value in GARBAGE.items():
        assert [problem.key for problem in problems(tmp_path, {}, {"profile": value})] == ["profile"], name
        text = value if isinstance(value, str) else json.dumps(value)
        assert [problem.key for problem in problems(tmp_path, {"CFSM_PROFILE": text})] == ["CFSM_PROFILE"], name
