from uuid import UUID

from cfsm.domain.conversation import Decision
from cfsm.projections.models import ModelsView
from cfsm.projections.reading import fold
from tests.fakes import talk
from tests.fakes.story import Story


def view_of(story):
    return fold(ModelsView, story.log)


def only(story):
    [proposal] = view_of(story).proposals()
    return proposal


class Talk(Story):
    """A story of one generation, told step by step."""

    def __init__(self):
        super().__init__()
        self.generation = self.request()
        self.tell(lambda generation, stamp: generation.begin(talk.PLAN, 1, stamp))

    def tell(self, command):
        command(self.generation, self.stamp())
        self.record(self.generation)

    def answered(self, name, answer=None, **others):
        self.tell(lambda generation, stamp: generation.ask(talk.step(name, **others), stamp))
        self.tell(lambda generation, stamp: generation.keep_answer(name, {**talk.ANSWER, **(answer or {})}, stamp))

    def executed(self, name, verdict="accepted"):
        self.tell(lambda generation, stamp: generation.propose(talk.proposal(name), stamp))
        self.tell(lambda generation, stamp: generation.execute(talk.execution(name, verdict=verdict), stamp))

    def screened(self, name, outcome="traded"):
        self.tell(lambda generation, stamp: generation.screen(talk.screening(name, outcome=outcome), stamp))


def test_what_was_asked_is_known_by_model_channel_prompt_mode_and_type():
    story = Talk()
    story.answered("phi3:mini/0")

    found = only(story)

    assert (found.model, found.channel, found.prompt, found.version) == ("phi3:mini", "source", "write-source", "1")
    assert (found.mode, found.strategy_type, found.purpose) == ("voting", "volatility", "write")
    assert (found.answers, found.failed_answers, found.tokens, found.seconds) == (1, 0, 500, 41.5)
    assert (found.is_valid, found.traded, found.strategy_id) == (0, 0, "")


def test_what_runs_at_once_and_trades_counts_as_both():
    story = Talk()
    story.answered("phi3:mini/0")
    story.executed("phi3:mini/0")
    story.screened("phi3:mini/0")

    assert (only(story).is_valid_at_once, only(story).is_valid, only(story).traded) == (1, 1, 1)


def test_what_runs_after_a_repair_is_valid_but_not_at_once_and_stays_one_proposal():
    story = Talk()
    story.answered("phi3:mini/0")
    story.executed("phi3:mini/0", verdict="rejected")
    story.answered("phi3:mini/1", purpose="repair", model="cogito:8b", prompt_name="repair-source")
    story.executed("phi3:mini/1")

    assert (only(story).model, only(story).prompt) == ("phi3:mini", "write-source")
    assert (only(story).repairs_asked, only(story).is_valid_at_once, only(story).is_valid) == (1, 0, 1)
    assert (only(story).answers, only(story).tokens) == (2, 1000)


def test_what_never_trades_is_valid_only():
    story = Talk()
    story.answered("phi3:mini/0")
    story.executed("phi3:mini/0")
    story.screened("phi3:mini/0", outcome="never_trades")

    assert (only(story).is_valid, only(story).traded) == (1, 0)


def test_an_answer_that_failed_is_counted_with_what_it_cost():
    story = Talk()
    story.tell(lambda generation, stamp: generation.ask(talk.step("phi3:mini/0"), stamp))
    story.tell(lambda generation, stamp: generation.keep_failed_answer("phi3:mini/0", talk.FAILED_ANSWER, stamp))

    assert (only(story).answers, only(story).failed_answers, only(story).seconds) == (0, 1, 600.0)
    assert view_of(story).speeds() == []


def test_votes_and_ideas_are_no_proposals():
    story = Talk()
    story.answered("phi3:mini/vote", purpose="vote")
    story.answered("phi3:mini/ideas", purpose="ideas")

    assert view_of(story).proposals() == []
    assert view_of(story).speeds()[0].answers == 2


def test_the_winner_knows_the_strategy_that_came_of_it_and_whether_that_trades():
    story = Talk()
    for model in ("phi3:mini", "cogito:8b"):
        story.answered(f"{model}/0", model=model)
        story.executed(f"{model}/0")
    story.tell(
        lambda generation, stamp: generation.decide(
            Decision("cogito:8b", "cogito:8b", "cogito:8b/0", "screening", []), stamp
        )
    )
    strategy = story.generate("A", generation=story.generation)
    story.validate(strategy)
    story.backtest(strategy)

    loser, winner = view_of(story).proposals()

    assert (loser.model, loser.strategy_id, loser.traded) == ("phi3:mini", "", 0)
    assert (winner.model, UUID(winner.strategy_id), winner.traded) == ("cogito:8b", strategy.id, 1)


def test_what_a_predefined_family_wrote_is_counted_for_no_model():
    story = Story()
    strategy = story.generate("A", generation=story.request())
    story.validate(strategy)
    story.backtest(strategy)

    assert view_of(story).proposals() == []


def test_speed_is_tokens_over_the_servers_own_seconds_for_each_set_of_weights():
    story = Talk()
    story.answered("a/0", {"answer_tokens": 100, "answer_seconds": 4.0, "prompt_tokens": 50, "prompt_seconds": 1.0})
    story.answered("a/1", {"answer_tokens": 100, "answer_seconds": 6.0, "prompt_tokens": 50, "prompt_seconds": 1.0})
    story.answered("a/2", {"digest": "other", "answer_seconds": 0.0, "prompt_seconds": 0.0})

    first, other = view_of(story).speeds()

    assert (first.answers, first.answer_tokens_per_second, first.prompt_tokens_per_second) == (2, 20.0, 50.0)
    assert (other.digest, other.answer_tokens_per_second, other.prompt_tokens_per_second) == ("other", None, None)
