"""The past is told, replayed and played, the same every time."""

from datetime import timedelta

from cfsm.projections.registry import all_projections
from tests.fakes.home import NAMES
from tests.fakes.story import BEGINNING

BEST, WEAK, REFUSED = NAMES


def test_the_history_of_a_strategy_begins_with_what_asked_for_it(cfsm):
    topics = [each["topic"] for each in cfsm("history", "show", BEST, "--json").json_lines]

    assert topics[0] == "Generation.Requested"
    assert topics.count("Strategy.Validated") == 1
    assert topics[-1] == "Strategy.Backtested"
    assert len(cfsm("history", "show", BEST).out.splitlines()) == len(topics)


def test_the_past_is_the_same_bytes_every_time(cfsm):
    halfway = cfsm("history", "verify", "--json").json["events"] // 2

    first = cfsm("history", "replay", "--event", halfway, "--json")
    cfsm("generate")
    cfsm("projections", "rebuild")
    second = cfsm("history", "replay", "--event", halfway, "--json")

    assert first.code == 0
    assert first.out == second.out
    assert first.json["event"] == halfway


def test_the_past_knows_nothing_of_what_came_later(cfsm):
    whole = cfsm("history", "replay", "--json").json
    born = next(
        each["id"]
        for each in cfsm("history", "show", WEAK, "--json").json_lines
        if each["topic"] == "Strategy.Generated"
    )

    before = cfsm("history", "replay", "--event", born - 1, "--json").json
    after = cfsm("history", "replay", "--event", born, "--json").json

    assert set(whole["strategies"]) == set(NAMES)
    assert set(before["strategies"]) == {BEST}
    assert set(after["strategies"]) == {BEST, WEAK}
    assert [place["name"] for place in before["leaderboard"]] == [BEST]
    assert cfsm("history", "replay", "--event", 0, "--json").json == {"event": 0, "strategies": {}, "leaderboard": []}


def test_a_moment_finds_the_last_event_before_it(cfsm):
    moment = BEGINNING + timedelta(minutes=3, seconds=30)

    at = cfsm("history", "replay", "--at", moment.isoformat(), "--json").json

    assert at["event"] == 3
    assert cfsm("history", "replay", "--at", "1999-01-01", "--json").json["event"] == 0
    assert (
        cfsm("history", "replay", "--at", "2999-01-01", "--json").json["event"]
        == cfsm("history", "verify", "--json").json["events"]
    )


def test_the_past_is_shown_to_people_too(cfsm):
    out = cfsm("history", "replay", "--event", 5).out

    assert out.startswith("after event 5:\n")
    assert f"  {BEST}  Generated" in out


def test_events_are_played_in_order(cfsm):
    played = cfsm("history", "replay", "--speed", "1e12", "--json").json_lines

    assert [each["id"] for each in played] == list(range(1, len(played) + 1))
    assert cfsm("history", "replay", "--speed", "1e12", "--event", 4).out.count("\n") == 4


def test_projections_are_rebuilt_by_one_command(cfsm):
    before = cfsm("leaderboard", "--json").out

    result = cfsm("projections", "rebuild")

    assert (result.code, result.out) == (0, "")
    rebuilt = [line.partition(":")[0] for line in result.err.splitlines() if "rebuilt up to event" in line]
    assert rebuilt == [each.name for each in all_projections()]
    assert cfsm("leaderboard", "--json").out == before
    assert "leaderboard: rebuilt" in cfsm("projections", "rebuild", "leaderboard").err
