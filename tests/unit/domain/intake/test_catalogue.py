import ast
import re
from pathlib import Path

from cfsm.domain.intake import catalogue
from tests.fakes.answers import FAULTY, HOPELESS

FOLDER = Path(catalogue.__file__).parent
ROOT = Path(__file__).parents[4]
PAGE = ROOT / "docs" / "intake.md"


def texts(function):
    """The texts that stand as first argument, or as a name, in calls of a function anywhere in the intake."""
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == function and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    yield first.value


def test_every_repair_has_a_meaning():
    computed = {"np_nan", "numpy_names", "roi_keys_to_str", "roi_values_to_number", "negate_stoploss", "stoploss_to_number",
                "stoploss_from_percent"}  # fmt: skip
    signatures = {name for name in catalogue.REPAIRS if re.fullmatch(r"fix_\w+_signature", name)}

    assert set(texts("Repair")) | computed | signatures == set(catalogue.REPAIRS)


def test_every_repair_but_advice_and_rare_callbacks_is_tried_on_an_answer():
    tried = {name for _, repairs in FAULTY.values() for name in repairs}

    untried = {name for name in catalogue.REPAIRS if not name.endswith("_signature")} - tried
    assert untried == {"set_can_short", "add_minimal_roi", "add_startup", "raise_startup", "add_pass"}


def test_every_finding_has_a_meaning():
    assert set(texts("because")) | set(texts("Finding")) <= set(catalogue.FINDINGS)
    assert {code for _, code in HOPELESS.values()} <= set(catalogue.FINDINGS)


def test_the_document_lists_them_all_with_the_same_words():
    page = PAGE.read_text(encoding="utf-8")

    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", page, re.MULTILINE)
    assert dict(rows) == {**catalogue.REPAIRS, **catalogue.FINDINGS}
