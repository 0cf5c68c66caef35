"""What the schema refuses, said as what to write instead."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cfsm.settings import earlier_names
from cfsm.settings.fields import EVERYTHING, VARIABLES, is_secret, is_table, row_of
from cfsm.settings.layers import ENVIRONMENT, Layer
from cfsm.settings.problems import SHOWN_PROBLEMS, Problem, got, nearest
from cfsm.settings.schema import PATTERNS_IN_WORDS
from cfsm.settings.tree import Path, dotted

PHRASES = {
    "bool_type": "must be true or false",
    "dict_type": "must be a section of keys",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_type": "must be a whole number",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "model_type": "must be a section of keys",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "string_type": "must be text",
    "too_long": "must name at most {max_length}",
    "too_short": "must name at least {min_length}",
    "string_unicode": "must be text in Unicode",
    "tuple_type": "must be a list such as [a, b]",
}
QUOTED = re.compile(r"'([^']*)'")
UNQUOTED = (bool, int, float)


def problems_of(layer: Layer, error: ValidationError) -> Iterator[Problem]:
    """One problem for each key of the layer that the schema refuses."""
    by_path: dict[Path, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        by_path.setdefault(_path(layer, details), []).append(details)
    for number, (path, found) in enumerate(by_path.items()):
        yield layer.problem(path, _message(layer, path, found, suggest=number < SHOWN_PROBLEMS))


def _path(layer: Layer, details: ErrorDetails) -> Path:
    """Where the value stands: without what the schema adds for the branches of a choice."""
    return details["loc"][: len(list(layer.root.follow(details["loc"])))]


def _message(layer: Layer, path: Path, found: list[ErrorDetails], *, suggest: bool) -> str:
    if found[0]["type"] == "extra_forbidden":
        return "is no setting" + (_suggestion(layer, path) if suggest else "")
    said = ", or ".join(dict.fromkeys(_phrase(details) for details in found))
    quoted = "(its value is not shown)" if is_secret(_key(path)) else got(found[0]["input"])
    return f"{said} {quoted}"


def _key(path: Path) -> str:
    return ".".join(str(part) for part in path if isinstance(part, str))


def _phrase(details: ErrorDetails) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return f"must be {PATTERNS_IN_WORDS.get(context['pattern'], 'written otherwise')}"
    if kind == "value_error":
        return str(context["error"])
    phrase = PHRASES.get(kind, details["msg"][:1].lower() + details["msg"][1:])
    if kind == "string_type" and isinstance(details["input"], UNQUOTED):
        phrase += "; put it in quotes"
    if kind == "literal_error" and isinstance(details["input"], str):
        phrase += nearest(details["input"], QUOTED.findall(context["expected"]))
    return phrase.format_map({name: _bound(value) for name, value in context.items()})


def _bound(value: Any) -> Any:
    return f"{value:g}" if isinstance(value, float) else value


def _suggestion(layer: Layer, path: Path) -> str:
    key = dotted(path)
    if layer.name == ENVIRONMENT:
        return nearest(layer.own_name(path), list(VARIABLES))
    table = _key(path[:-2])
    if is_table(table):
        return nearest(key, [dotted((*path[:-1], name)) for name in row_of(table).model_fields])
    last_parts = {known.rpartition(".")[2]: known for known in reversed(list(EVERYTHING))}
    known = [*EVERYTHING, *(earlier_names.KEYS if "." not in key else ())]
    return nearest(key, known, spelled=last_parts) or nearest(key.rpartition(".")[2], known, spelled=last_parts)
