import pytest

from cfsm.projections.generations import GenerationsView, NoSuchGeneration
from cfsm.projections.reading import fold
from tests.fakes.story import Story


def view_of(story):
    return fold(GenerationsView, story.log)


def test_a_request_is_running_and_says_what_is_wanted():
    story = Story()
    generation = story.request()

    [found] = view_of(story).select()

    assert (found.id, found.state, found.strategy_type, found.seed) == (generation.id.hex, "running", "volatility", 7)
    assert (found.asked, found.answered, found.seconds) == (0, 0, 0.0)


def test_a_conversation_is_counted():
    story = Story()
    story.converse()

    [found] = view_of(story).select()

    assert (found.mode, found.channel, found.writers) == ("voting", "source", ["phi3:mini", "cogito:8b"])
    assert (found.asked, found.answered, found.failed_answers, found.attempts) == (2, 1, 1, 2)
    assert (found.proposals, found.executed, found.traded) == (1, 1, 1)
    assert (found.prompt_tokens, found.answer_tokens, found.seconds) == (1600, 500, 641.5)
    assert (found.winner, found.winner_model, found.decided_by) == ("phi3:mini", "phi3:mini", "only_one")
    [fallback] = found.fallbacks
    assert (fallback["kind"], fallback["before"], fallback["after"]) == ("mode", "voting", "contest")


def test_what_came_of_it_is_known():
    story = Story()
    strategy = story.generate("A", generation=story.request("one"))
    failed = story.request("two")
    failed.fail("no model answers", story.stamp())
    story.record(failed)

    newer, older = view_of(story).select()

    assert (newer.state, newer.failure) == ("failed", "no model answers")
    assert (older.state, older.strategy_name, older.strategy_id) == ("concluded", "A", strategy.id.hex)


def test_they_are_chosen_by_mode_state_and_model():
    story = Story()
    story.converse()
    story.generate("A", generation=story.request("one"))
    view = view_of(story)

    assert [each.mode for each in view.select(mode="voting")] == ["voting"]
    assert [each.strategy_name for each in view.select(state="concluded")] == ["A"]
    assert [each.mode for each in view.select(model="cogito:8b")] == ["voting"]
    assert view.select(model="llama2") == []
    assert len(view.select(limit=1)) == 1


def test_one_is_found_by_its_id_its_beginning_or_its_strategy():
    story = Story()
    generation = story.request()
    story.generate("A", generation=generation)
    view = view_of(story)

    assert {view.find(query).id for query in (str(generation.id), generation.id.hex[:6], "A")} == {generation.id.hex}


@pytest.mark.parametrize("query", ["", "B", "zz"])
def test_what_is_not_there_is_told(query):
    story = Story()
    story.request()

    with pytest.raises(NoSuchGeneration, match="cfsm generations list"):
        view_of(story).find(query)


def test_an_ambiguous_beginning_is_told():
    story = Story()
    keys = [story.request(f"slot-{number}").id.hex[0] for number in range(17)]
    twice = next(key for key in keys if keys.count(key) > 1)

    with pytest.raises(NoSuchGeneration, match="several"):
        view_of(story).find(twice)
