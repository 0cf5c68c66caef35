from dataclasses import dataclass

from cfsm.domain.success import By, success


@dataclass
class Proposal:
    model: str = "phi3"
    channel: str = "source"
    prompt: str = "write-source"
    version: str = "1"
    mode: str = "single"
    strategy_type: str = "trend"
    answers: int = 1
    repairs_asked: int = 0
    is_valid_at_once: int = 0
    is_valid: int = 0
    traded: int = 0
    tokens: int = 100
    seconds: float = 2.0
    strategy_id: str = ""


def test_proposals_are_counted_by_what_is_asked_for():
    proposals = [Proposal(model="a"), Proposal(model="b"), Proposal(model="a", channel="blueprint")]

    by_model = success(proposals, [By.MODEL], ())
    by_both = success(proposals, [By.CHANNEL, By.MODEL], ())

    assert [(each.group, each.asked) for each in by_model] == [({"model": "a"}, 2), ({"model": "b"}, 1)]
    assert len(by_both) == 3


def test_a_changed_prompt_is_another_group():
    groups = success([Proposal(), Proposal(version="2")], [By.PROMPT], ())

    assert [each.group["prompt"] for each in groups] == ["write-source 1", "write-source 2"]


def test_shares_are_of_those_asked_and_proven_of_the_strategies_made():
    proposals = [
        Proposal(is_valid=1, is_valid_at_once=1, traded=1, strategy_id="good"),
        Proposal(is_valid=1, traded=1, strategy_id="lucky", repairs_asked=2, tokens=300, seconds=6.0),
        Proposal(answers=0),
        Proposal(),
    ]

    [found] = success(proposals, [By.MODEL], {"good"})

    counted = {name: (getattr(found, name).successes, getattr(found, name).trials) for name in NAMES}
    assert counted == dict(zip(NAMES, [(3, 4), (1, 4), (2, 4), (2, 4), (1, 2)], strict=True))
    assert (found.repairs, found.tokens, found.seconds) == (0.5, 150.0, 3.0)


NAMES = ("answered", "valid_at_once", "valid", "traded", "proven")


def test_the_one_that_trades_for_certain_comes_before_the_one_that_did_so_once():
    proposals = [Proposal(model="once", traded=1), *[Proposal(model="often", traded=1)] * 9, Proposal(model="often")]

    assert [each.group["model"] for each in success(proposals, [By.MODEL], ())] == ["often", "once"]


def test_a_group_is_plain_data():
    [found] = success([Proposal()], [By.MODEL], ())

    assert found.as_mapping()["valid"]["trials"] == 1
    assert found.as_mapping()["model"] == "phi3"
