import json
import re
from pathlib import Path

from cfsm.domain.blueprint import read_blueprint
from cfsm.domain.blueprint.checking import Scope
from cfsm.domain.blueprint.functions import FUNCTIONS
from cfsm.domain.blueprint.language import parse

PAGE = (Path(__file__).parents[4] / "docs" / "blueprint.md").read_text(encoding="utf-8")


def test_the_form_that_the_document_shows_is_one():
    (form,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)

    assert read_blueprint(json.loads(form)).can_short


def test_the_document_lists_every_function_as_it_is():
    rows = dict(re.findall(r"^\| `(\w+)\([^`]*\)` \| (.+) \|$", PAGE, re.MULTILINE))

    assert rows == {name: function.meaning for name, function in FUNCTIONS.items()}


def test_the_calls_that_the_document_shows_work():
    for call in re.findall(r"^\| `(\w+\([^`]*\))` \|", PAGE, re.MULTILINE):
        written = re.sub(r"\w+=", "", call)
        written = re.sub(r"\bx\b", "close", re.sub(r"\by\b", "open", written))
        Scope({}).check(parse(written))
