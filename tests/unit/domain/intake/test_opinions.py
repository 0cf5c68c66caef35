import json

import pytest

from cfsm.domain.intake.opinions import Change, Judgement, analysis_in, credits_in, ideas_in, judgement_in

IDEAS = {
    "ideas": [
        {
            "name": "Donchian breakout",
            "indicators": ["Donchian(24)", "volume"],
            "entry": "close above the channel",
            "exit": "middle line",
            "risk": "stop 5 %",
        },
        {"name": "Squeeze", "entry": "bands leave the channel"},
    ]
}


def test_ideas_are_read_from_json_with_text_around():
    first, second = ideas_in(f"Here are two ideas:\n\n```json\n{json.dumps(IDEAS, indent=2)}\n```\nEnjoy!")

    assert (first.name, first.indicators, first.exit) == (
        "Donchian breakout",
        ("Donchian(24)", "volume"),
        "middle line",
    )
    assert (second.name, second.text) == ("Squeeze", "bands leave the channel")


@pytest.mark.parametrize(
    "text",
    [
        "{'ideas': [{'name': 'RSI dip', 'entry': 'RSI < 30',}, {'name': 'Trend', 'entry': 'EMA up'},],} // done",
        '{ideas: [{name: "RSI dip", entry: "RSI < 30"}\n {name: "Trend", entry: "EMA up"}]}',
        '[{"title": "RSI dip", "description": "buy low"}, {"title": "Trend", "description": "follow"}]',
        "1. **RSI dip**: buy when RSI < 30.\n2. **Trend**: follow the EMA.\n\nGood luck!",
        "- RSI dip: buy when RSI < 30\n- Trend: follow the EMA",
        "### Idea 1: RSI dip\nBuy when it is low.\n\n### Idea 2: Trend\nFollow the EMA.",
        "<think>1. **Nothing**: no</think>1) RSI dip - buy low\n2) Trend - follow the EMA",
    ],
)
def test_ideas_are_read_from_nearly_json_and_from_prose(text):
    assert [idea.name for idea in ideas_in(text)] == ["RSI dip", "Trend"]


def test_an_idea_in_prose_takes_its_lines_below_along():
    (idea,) = ideas_in("1. **RSI dip**\n   - entry: RSI < 30\n   - exit: RSI > 50\n")

    assert idea.text == "entry: RSI < 30 exit: RSI > 50"


def test_an_answer_without_ideas_has_none():
    assert ideas_in("I have no idea.") == ()


@pytest.mark.parametrize(
    ("text", "judgement"),
    [
        ('{"score": 7.5, "approve": true, "issues": ["a", "b"]}', Judgement(7.5, True, ("a", "b"))),
        ("{'score': '8/10', 'approve': 'yes', 'issues': 'none of note'}", Judgement(8.0, True, ("none of note",))),
        ('{"score": "85/100", "approve": false}', Judgement(8.5, False, ())),
        ("**Score: 6/10**\nIt can be approved.", Judgement(6.0, True, ())),
        ("Valutazione: 4/10. Non la consiglio.", Judgement(4.0, False, ())),
        (
            "I rate it 3 out of 10.\nIssues:\n- no stop\n- no volume\n\nBye",
            Judgement(3.0, None, ("no stop", "no volume")),
        ),
        ("Rating: 9. The only weakness: no volume filter. Approved.", Judgement(9.0, True, ("no volume filter",))),
    ],
)
def test_judgements_are_read(text, judgement):
    assert judgement_in(text) == judgement


@pytest.mark.parametrize(
    "text",
    [
        "",
        "It is fine.",
        '{"score": 92, "approve": true}',
        '{"score": -1}',
        '{"score": true}',
        '{"score": 8, "approve": "maybe"}',
        '{"score": 9, "approve": true, "issues": ["it has critical errors and should not be used"]}',
        "Score: 92",
        "9/10, but it has a fatal flaw.",
    ],
)
def test_what_is_no_judgement_or_contradicts_itself_is_refused(text):
    assert judgement_in(text) is None


def test_an_analysis_is_read_with_its_changes():
    text = '```json\n{"diagnosis": "too many trades", "changes": [{"parameter": "stoploss", "from": -0.05, "to": -0.03}]}\n```'

    analysis = analysis_in(text)

    assert analysis.diagnosis == "too many trades"
    assert analysis.changes == (Change("stoploss", -0.05, -0.03, ""),)


def test_an_analysis_in_prose_is_a_diagnosis():
    assert analysis_in("It trades too often.").diagnosis == "It trades too often."


@pytest.mark.parametrize("text", ["", '{"x": 1}'])
def test_what_is_no_analysis_is_refused(text):
    assert analysis_in(text) is None


def test_a_synthesis_credits_what_it_took():
    text = "From strategy A I keep the filter and from strategy B the exit; strategy C I don't use.\n```python\n# strategy D\n```"

    assert credits_in(text) == ("A", "B")
