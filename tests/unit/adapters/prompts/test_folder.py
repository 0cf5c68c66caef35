"""The prompts: filled in, small enough, of one version for ever; and what they teach is so."""

import re
from hashlib import sha256
from string import Template

import pytest

from cfsm.adapters.blueprint import render
from cfsm.adapters.prompts import PromptFolder
from cfsm.adapters.prompts.folder import TEXTS, NoSuchPrompt, sections
from cfsm.adapters.templates import FAMILIES
from cfsm.domain.answer import Message, Question
from cfsm.domain.blueprint import read_blueprint
from cfsm.domain.blueprint.functions import COLUMNS, FUNCTIONS
from cfsm.domain.intake.json_text import find_json
from cfsm.domain.intake.taking_in import take_in

PROMPTS = PromptFolder()
PARTS = [name for name in PROMPTS.names() if name == "language" or name.startswith("family-")]
WHOLE = [name for name in PROMPTS.names() if name not in PARTS]
FACTS = {
    "type": "mean_reversion",
    "family": "mean_reversion",
    "market": "BTC/USDT:USDT, ETH/USDT:USDT and 4 others on Binance futures; candles of 5m, 15m, 1h and 4h.",
    "class_name": "MeanReversionStrategy_cooperativemistral7binstructq40_20261126_120000",
    "timeframe": "15m",
    "examples": "",
    "findings": "- NO_TRADES: 4 entry signals, but no trade",
    "code": "",
    "proposals": "",
    "votes": "",
    "agreement": "",
    "figures": "",
}


def folder(path, **texts):
    for name, text in texts.items():
        place = path / name.replace("_", "-")
        place.mkdir(exist_ok=True)
        for version, body in enumerate([text] if isinstance(text, str) else text, start=1):
            (place / f"{version}.md").write_text(body)
    return PromptFolder(path)


def test_a_prompt_is_filled_in_message_by_message(tmp_path):
    prompts = folder(tmp_path, greet="=== system\nYou greet.\n=== user\nGreet $who.\n")

    prompt = prompts.compose("greet", {"who": "the $market"})

    assert prompt.messages == (Message("system", "You greet."), Message("user", "Greet the $market."))
    assert (prompt.name, prompt.version) == ("greet", "1")


def test_the_last_version_is_used_and_every_one_can_be_read(tmp_path):
    prompts = folder(tmp_path, greet=["=== user\nHi\n", "=== user\nHello\n"])

    assert prompts.compose("greet", {}).version == "2"
    assert prompts.versions("greet") == (1, 2)
    assert (prompts.text("greet", 1), prompts.text("greet")) == ("=== user\nHi\n", "=== user\nHello\n")


def test_ten_comes_after_nine(tmp_path):
    prompts = folder(tmp_path, greet=[f"=== user\n{number}\n" for number in range(1, 11)])

    assert prompts.compose("greet", {}).version == "10"


def test_a_part_that_changes_makes_another_version_of_the_whole(tmp_path):
    before = folder(tmp_path, write="=== user\n$family\n", family_trend="=== user\nUp\n").compose(
        "write", {"family": "trend"}
    )
    after = folder(tmp_path, family_trend=["=== user\nUp\n", "=== user\nUp or down\n"]).compose(
        "write", {"family": "trend"}
    )

    assert (before.version, after.version) == ("1.1", "1.2")
    assert before.text_hash != after.text_hash
    assert after.messages[0].content == "Up or down"


def test_what_is_left_out_leaves_no_gap(tmp_path):
    prompts = folder(tmp_path, greet="=== user\nOne\n\n$examples\n\nTwo\n")

    assert prompts.compose("greet", {"examples": ""}).messages[0].content == "One\n\nTwo"


def test_an_unknown_prompt_or_version_is_refused_with_those_that_there_are():
    with pytest.raises(NoSuchPrompt, match="write-source"):
        PROMPTS.compose("writ-source", {})
    with pytest.raises(NoSuchPrompt, match="write-source has no version 99"):
        PROMPTS.text("write-source", 99)


@pytest.mark.parametrize("name", WHOLE)
def test_a_prompt_leaves_room_for_examples_and_an_answer_in_4096_tokens(name):
    prompt = PROMPTS.compose(name, FACTS)

    assert Question("phi3:mini", prompt.messages, seed=1).prompt_tokens <= 1_000


@pytest.mark.parametrize("name", WHOLE)
def test_a_prompt_has_a_system_message_and_one_of_the_user_and_fits_a_line(name):
    text = PROMPTS.text(name)

    assert [role for role, _ in sections(text)] == ["system", "user"]
    assert max(map(len, text.splitlines())) <= 128


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_a_text(family):
    assert PROMPTS.compose("write-source", FACTS | {"family": family}).messages


def test_only_what_the_code_fills_in_is_named():
    named = {each for name in PROMPTS.names() for each in Template(PROMPTS.text(name)).get_identifiers()}

    assert named <= {*FACTS, "language"}


def test_the_language_that_is_taught_is_the_languages_own():
    text = PROMPTS.text("language")

    words = set(re.findall(r"\b[a-z_]+\b", text.partition("Functions of a column")[2]))
    own = words - {"and", "a", "period", "alone", "of", "x", "y", "close"}
    assert own - {"others"} <= set(FUNCTIONS)
    assert set(FUNCTIONS) - {"crossed_above", "crossed_below"} <= own
    for column in ("open", "high", "low", "close", "volume", "hour", "weekday"):
        assert column in COLUMNS


@pytest.mark.parametrize("name", ["write-blueprint", "implement-blueprint"])
def test_the_form_that_is_shown_is_a_blueprint(name):
    text = PROMPTS.compose(name, FACTS).messages[1].content

    form, is_strict = find_json(text)
    assert is_strict
    assert "class Shown" in render(read_blueprint(form), "Shown")


def test_the_frame_that_is_shown_is_taken_in_once_its_conditions_are_filled_in():
    text = PROMPTS.compose("write-source", FACTS).messages[1].content
    conditions = iter(['dataframe["close"] > dataframe["ema"]', 'dataframe["close"] < dataframe["ema"]'] * 2)
    filled = re.sub(r"\((?:long |short )?condition\)", lambda _: f"({next(conditions)})", text)

    taken = take_in(filled[filled.index("```python") :])

    assert taken.findings == ()
    assert [repair.name for repair in taken.repairs if not repair.is_advice] == []


def test_a_version_that_was_released_is_never_changed():
    released = dict(line.split() for line in (TEXTS / "released.txt").read_text().splitlines())

    for name in PROMPTS.names():
        for version in PROMPTS.versions(name):
            place = f"{name}/{version}.md"
            assert place in released, f"add {place} to released.txt when it is released: `sha256sum`"
            assert sha256((TEXTS / place).read_bytes()).hexdigest() == released[place], (
                f"{place} was released: write what changes into the next version"
            )
