"""``cfsm generate``: what is asked for is recorded, what cannot be meant is refused, and what goes on is told."""

import threading
from uuid import UUID

import pytest

from cfsm.application.history import History
from cfsm.domain.generation import Generation
from tests.fakes.home import StoredStory, house_at, until

MODELS = "generation: {models: [cogito:8b, phi3:mini]}\n"


@pytest.fixture
def with_models(new):
    new.home.mkdir(parents=True, exist_ok=True)
    (new.home / "cfsm.yaml").write_text(MODELS)
    return new


def requests(home):
    house = house_at(home)
    told = [each for each in History(house.factory.store).between(0) if each.topic == "Generation.Requested"]
    house.factory.close()
    return [each.facts for each in told]


def test_what_is_asked_for_is_recorded_and_its_ids_are_printed(with_models):
    result = with_models("generate", "--mode", "contest", "--type", "trend", "--count", "2", "--seed", "5")

    ids = result.out.split()
    assert (result.code, len(ids)) == (0, 2)
    first, second = requests(with_models.home)
    assert (first["mode"], first["strategy_type"], first["model"], first["seed"]) == ("contest", "trend", "", 5)
    assert second["seed"] == 1005
    assert "`cfsm run` starts the factory" in result.err


def test_without_a_mode_it_is_the_configured_one(new):
    new.home.mkdir(parents=True)
    (new.home / "cfsm.yaml").write_text("generation: {models: [a, b], mode: voting}\n")

    new("generate")

    assert requests(new.home)[0]["mode"] == "voting"


def test_a_model_that_is_named_writes_alone(new):
    new.home.mkdir(parents=True)
    (new.home / "cfsm.yaml").write_text("generation: {models: [a, b], mode: voting}\n")

    new("generate", "--model", "b")

    assert (requests(new.home)[0]["mode"], requests(new.home)[0]["model"]) == ("single", "b")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--mode", "contest", "--model", "phi3:mini"), "made by all writers"),
        (("--model", "llama2"), "one of cogito:8b, phi3:mini, predefined"),
        (("--mode", "quarrel"), "is not one of"),
        (("--type", "astrology"), "one of volatility"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_not_recorded(with_models, options, words):
    result = with_models("generate", *options)

    assert result.code == 2
    assert words in " ".join(result.err.split())
    assert requests(with_models.home) == []


def test_a_mode_of_models_needs_models(new):
    result = new("generate", "--mode", "contest")

    assert result.code == 2
    assert "generation.models" in result.err


def test_two_models_make_a_contest_one_does_not(new):
    new.home.mkdir(parents=True)
    (new.home / "cfsm.yaml").write_text("generation: {models: [phi3:mini]}\n")

    result = new("generate", "--mode", "contest")

    assert result.code == 2
    assert "needs two models" in " ".join(result.err.split())


def test_what_goes_on_is_told_until_all_is_over(with_models):
    def make():
        house = house_at(with_models.home)
        until(lambda: requests(with_models.home))
        factory = house.open_factory("generator@here")
        story = StoredStory(factory)
        factory.plan()
        claim = factory.claim(["generate"], 90)
        generation = factory.get(Generation, UUID(claim.subject))
        generation.fail("no model answers", story.stamp())
        factory.transact(lambda: [generation], claim)
        factory.close()

    worker = threading.Thread(target=make)
    worker.start()
    result = with_models("generate", "--follow")
    worker.join()

    assert result.code == 0
    assert "Generation.Requested" in result.err
    assert "no model answers" in result.err


def test_one_that_is_parked_ends_the_watching(with_models):
    def park():
        until(lambda: requests(with_models.home))
        factory = house_at(with_models.home).open_factory("generator@here")
        factory.plan()
        factory.park(factory.claim(["generate"], 90), "no memory")
        factory.close()

    worker = threading.Thread(target=park)
    worker.start()
    result = with_models("generate", "--follow")
    worker.join()

    assert "1 were parked: `cfsm status` says why." in result.err
