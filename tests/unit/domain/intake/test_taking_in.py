import ast
import random

import pytest

from cfsm.domain.intake.blueprints import take_in_blueprint
from cfsm.domain.intake.code import Wanted
from cfsm.domain.intake.opinions import ideas_in, judgement_in
from cfsm.domain.intake.taking_in import take_in, take_in_file
from cfsm.domain.intake.torn import torn
from tests.fakes.answers import FAULTY, FOUND, GOOD, HOPELESS, NAME, STRATEGY, fenced, with_attribute

WANTED = Wanted(NAME)


@pytest.mark.parametrize("answer", FOUND.values(), ids=FOUND)
def test_the_strategy_is_found_however_it_is_wrapped(answer):
    taken = take_in(answer, WANTED)

    assert taken.findings == ()
    assert taken.repairs == ()
    assert ast.dump(ast.parse(taken.source)) == ast.dump(ast.parse(GOOD))


@pytest.mark.parametrize(("answer", "repairs"), FAULTY.values(), ids=FAULTY)
def test_each_fault_is_mended_by_its_own_repairs_and_no_others(answer, repairs):
    taken = take_in(answer, WANTED)

    assert taken.findings == ()
    assert {repair.name for repair in taken.repairs if not repair.is_advice} == repairs
    assert taken.class_name == NAME
    compile(taken.source, "strategy", "exec")


@pytest.mark.parametrize(("answer", "repairs"), FAULTY.values(), ids=FAULTY)
def test_what_was_mended_needs_no_further_repair(answer, repairs):
    once = take_in(answer, WANTED).source

    assert take_in_file(once, WANTED).source == once


@pytest.mark.parametrize(("answer", "code"), HOPELESS.values(), ids=HOPELESS)
def test_what_cannot_be_mended_is_told_with_what_to_do(answer, code):
    taken = take_in(answer, WANTED)

    assert [finding.code for finding in taken.findings] == [code]
    assert taken.findings[0].message


def test_repairs_name_the_line_and_what_was_done():
    taken = take_in(fenced(GOOD.replace("stoploss = -0.05", "stoploss = 0.05")), WANTED)

    (repair,) = taken.repairs
    assert repair.line == GOOD[: GOOD.index("stoploss")].count("\n") + 1
    assert repair.detail == "stoploss is -0.05"
    assert taken.is_repaired


def test_repairs_of_one_name_are_told_once():
    code = GOOD.replace("'enter_long'] = 1", "'enter_long'] == 1").replace("'enter_short'] = 1", "'enter_short'] == 1")

    (repair,) = take_in(fenced(code), WANTED).repairs

    assert "and 1 more" in repair.detail


@pytest.mark.parametrize(
    ("old", "new", "advice"),
    [
        ("    can_short = True\n", "", "set_can_short"),
        ("startup_candle_count = 60", "startup_candle_count = 10", "raise_startup"),
        ("    startup_candle_count = 60\n", "", "add_startup"),
    ],
)
def test_good_form_is_advice_that_does_not_count_as_repaired(old, new, advice):
    taken = take_in(fenced(GOOD.replace(old, new)), WANTED)

    assert [(repair.name, repair.is_advice) for repair in taken.repairs] == [(advice, True)]
    assert not taken.is_repaired


def test_a_way_out_of_trades_is_added_where_there_is_none():
    code = GOOD[: GOOD.index("    def populate_exit_trend")].replace('    minimal_roi = {"0": 0.04, "120": 0.01}\n', "")

    names = {repair.name for repair in take_in(fenced(code), WANTED).repairs}

    assert names == {"add_missing_method", "add_minimal_roi"}


def test_shorts_that_were_ruled_out_stay_ruled_out():
    taken = take_in(fenced(GOOD.replace("can_short = True", "can_short = False")), WANTED)

    assert taken.repairs == ()


def test_what_is_missing_comes_from_what_was_wanted():
    code = GOOD.replace("    timeframe = '15m'\n", "").replace("    stoploss = -0.05\n", "")

    taken = take_in(fenced(code), Wanted(NAME, timeframe="4h", stoploss=-0.12))

    assert 'timeframe = "4h"' in taken.source
    assert "stoploss = -0.12" in taken.source


def test_a_class_keeps_its_name_when_no_other_is_wanted():
    taken = take_in(fenced(GOOD))

    assert taken.class_name == NAME
    assert taken.repairs == ()


def test_an_heir_of_another_class_of_the_file_lacks_nothing():
    code = GOOD.replace(NAME, "Base") + f"\n\nclass {NAME}(Base):\n    stoploss = -0.04\n"

    taken = take_in(fenced(code), WANTED)

    assert (taken.class_name, taken.repairs, taken.findings) == (NAME, (), ())


def test_what_reaches_out_is_left_for_the_policy_to_judge():
    code = f"import os\n{GOOD}\nif __name__ == '__main__':\n    os.system('ls')\n"

    taken = take_in(fenced(code), WANTED)

    assert "os.system" in taken.source
    assert taken.repairs == ()


def test_objects_that_the_file_makes_for_itself_stay():
    code = GOOD.replace("class Test", "class Levels:\n    low = 35\n\n\nLEVELS = Levels()\n\n\nclass Test")

    assert "LEVELS = Levels()" in take_in(fenced(code), WANTED).source


def test_the_future_is_not_mended_away():
    code = with_attribute("x = 1").replace(
        "dataframe['rsi'] = ta.RSI",
        "dataframe['next'] = dataframe['close'].shift(-1)\n        dataframe['rsi'] = ta.RSI",
    )

    taken = take_in(fenced(code), WANTED)

    assert "shift(-1)" in taken.source


def test_an_answer_that_is_known_to_be_cut_loses_its_torn_end():
    code = GOOD[: GOOD.index("'exit_short'] = 1")]

    names = {repair.name for repair in take_in(fenced(f"{code}\n"), WANTED, is_cut=True).repairs}

    assert names == {"drop_truncated_tail", "add_return"}


def test_a_file_of_python_is_taken_as_it_is():
    taken = take_in_file(GOOD)

    assert (taken.source, taken.steps, taken.repairs) == (GOOD, ("file",), ())


def test_a_file_that_holds_a_raw_answer_is_taken_as_one():
    assert take_in_file(fenced(GOOD)).steps == ("fence",)


@pytest.mark.parametrize("content", ["", "\x00\x01\x02", "hello", "{}", STRATEGY[:40]])
def test_files_that_are_no_strategies_are_told(content):
    assert take_in_file(content).findings


def test_mended_answers_stay_themselves_under_random_damage():
    """Whatever is broken: no exception, and either findings or source that compiles."""
    answers = [*FOUND.values(), *(answer for answer, _ in FAULTY.values())]
    dice = random.Random(20261101)
    for _ in range(400):
        text = _damaged(dice.choice(answers), dice)
        taken = take_in(text, WANTED)
        assert taken.findings or torn(taken.source) is None


def _damaged(text, dice):
    for _ in range(dice.randrange(1, 5)):
        at = dice.randrange(len(text) + 1)
        end = min(len(text), at + dice.randrange(30))
        text = dice.choice(
            [
                text[:at] + text[end:],
                text[:at] + dice.choice("()[]{}\"'`:,;=\n\t #&|<>\u201c\u00e8\ufeff\\") + text[at:],
                text[:at] + text[at:end] * 3 + text[end:],
                text[:at],
                text[:at] + " " * dice.randrange(9) + text[at:],
            ]
        )
    return text


@pytest.mark.parametrize(
    "unit",
    ["<think>", "<think>x</think>", "~", "`", '{"', "\n", "# ", "class A\n", "import a\n", "if a:\n", "(", "\\n", "a="],
)
def test_no_text_takes_for_ever(unit):
    """Each of these once took time that grew with the square of the length; the test's own limit would end it."""
    text = unit * (350_000 // len(unit))

    for answer in (text, fenced(text[:150_000]), fenced(GOOD + text[:100_000])):
        take_in(answer, WANTED)
        take_in_blueprint(answer)
        ideas_in(answer)
        judgement_in(answer)
