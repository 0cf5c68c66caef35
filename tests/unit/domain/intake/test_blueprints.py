import json

import pytest

from cfsm.domain.intake.blueprints import take_in_blueprint
from tests.fakes.blueprints import draw
from tests.unit.domain.blueprint.test_form import FORM


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps(FORM),
        f"Sure:\n```json\n{json.dumps(FORM, indent=2)}\n```",
        f"<think>which?</think>{json.dumps({'strategy': FORM})}",
    ],
)
def test_the_form_is_found_in_the_answer(answer):
    taken = take_in_blueprint(answer)

    assert taken.findings == ()
    assert taken.is_strict
    assert list(taken.blueprint.indicators) == ["trend"]


def test_nearly_json_is_told_apart():
    taken = take_in_blueprint(json.dumps(FORM).replace('"', "'"))

    assert taken.blueprint is not None
    assert not taken.is_strict


def test_every_fault_is_a_finding_with_its_place():
    taken = take_in_blueprint(json.dumps({**FORM, "timeframe": "2m", "enter_long": "rsi <"}))

    assert taken.blueprint is None
    assert [finding.code for finding in taken.findings] == ["BLUEPRINT_FAULT"] * 2
    assert "enter_long, column 6" in taken.findings[0].message


@pytest.mark.parametrize(
    ("answer", "code"),
    [("", "NO_ANSWER"), ("I'm sorry, I cannot do that.", "REFUSED"), ("Use RSI.", "NO_CODE"), ("[1, 2]", "NO_CODE")],
)
def test_what_is_no_form_is_told(answer, code):
    assert [finding.code for finding in take_in_blueprint(answer).findings] == [code]


def test_random_forms_come_through_json():
    for seed in range(50):
        assert take_in_blueprint(json.dumps(draw(seed))).findings == ()
