"""``cfsm generations`` on a home in which models were talked with."""

import pytest

from tests.fakes import talk
from tests.fakes.home import StoredStory, house_at

PROMPT = '[{"role":"system","content":"You write."},{"role":"user","content":"Write a strategy."}]'


@pytest.fixture
def spoken(new):
    """A home in which a conversation with models took place, with the texts of one step."""
    house = house_at(new.home)
    factory = house.open_factory("tester@here")
    story = StoredStory(factory)
    story.generate("A", generation=story.request("predefined"))
    generation = story.converse()
    blobs = {"prompt": house.blobs.put(PROMPT.encode())}
    generation.ask(talk.step("late/0", blobs=blobs), story.stamp())
    answer = {**talk.ANSWER, "blobs": {"answer": house.blobs.put(b"class A:\n    pass\n\x1b[2J\n")}}
    generation.keep_answer("late/0", answer, story.stamp())
    generation.propose(talk.proposal("late/0", code_hash=house.blobs.put(b"class A: pass\n")), story.stamp())
    story.record(generation)
    factory.close()
    new.generation = generation.id.hex
    return new


def test_generations_are_listed_the_newest_first(spoken):
    newest, oldest = spoken("generations", "list", "--json").json

    assert (newest["mode"], newest["asked"], newest["answered"]) == ("voting", 3, 2)
    assert (oldest["strategy_name"], oldest["state"]) == ("A", "concluded")


def test_for_people_a_generation_is_a_line(spoken):
    lines = spoken("generations", "list", "--mode", "voting").out.splitlines()

    assert len(lines) == 3
    assert lines[2].split()[0] == spoken.generation[:8]
    assert "2 of 3" in lines[2]


def test_a_generation_shows_its_whole_conversation_in_order(spoken):
    result = spoken("generations", "show", spoken.generation[:10])

    topics = ["Requested", "Planned", "Asked", "Answered", "Resumed", "Proposed", "Executed", "Screened"]
    places = [result.out.index(f"Generation.{topic}") for topic in topics]
    assert places == sorted(places)
    assert "cogito:8b for phi3:mini: its exits" in result.out
    assert "500 tokens in 41.5 s" in result.out
    assert "from mode voting to contest" in result.out
    assert ["1", "phi3:mini", "phi3:mini", "traded", "0.50", "20"] in [line.split() for line in result.out.splitlines()]
    assert "Write a strategy." not in result.out
    assert "--texts" in result.err


def test_the_texts_of_a_step_are_shown_in_full_and_move_no_cursor(spoken):
    result = spoken("generations", "show", spoken.generation, "--step", "late/0")

    assert "[system]\nYou write.\n\n[user]\nWrite a strategy.\n" in result.out
    assert "class A:\n    pass\n\\x1b[2J\n" in result.out
    assert "--- code of late/0\nclass A: pass\n" in result.out


def test_a_text_that_is_lost_is_told_and_the_rest_is_shown(spoken):
    result = spoken("generations", "show", spoken.generation, "--texts", "--json")

    assert result.code == 0
    texts = [event["texts"] for event in result.json["events"] if event["topic"] == "Generation.Asked"]
    assert texts[0]["prompt"].startswith("(lost:")
    assert texts[-1]["prompt"].endswith("Write a strategy.")


def test_it_is_found_by_the_strategy_that_came_of_it(spoken):
    assert spoken("generations", "show", "A", "--json").json["strategy_name"] == "A"


@pytest.mark.parametrize("arguments", [("nowhere",), ("A", "--step", "none")])
def test_what_is_not_there_is_told(spoken, arguments):
    result = spoken("generations", "show", *arguments)

    assert (result.code, result.out) == (1, "")
    assert "cfsm generations" in result.err


def test_where_none_is_it_is_told(new):
    assert "cfsm generate" in new("generations", "list").err
