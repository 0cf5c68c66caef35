"""From a request to a strategy that is new, under a name that is free; or to the reason why nothing came of it."""

from dataclasses import dataclass, field

import pytest

from cfsm.application.errors import Misconfigured, TryAgain
from cfsm.application.tasks import LeaseLost
from cfsm.domain.code_identity import normalised_hash
from cfsm.domain.strategy import Reason
from cfsm.workers.generator import DRAWS, GeneratorWorker
from tests.fakes.workplace import NAME, work


@dataclass
class Rendered:
    name: str
    source: str
    parameters: dict
    family: str = "trend"
    timeframe: str = "1h"
    can_short: bool = True


@dataclass
class FakeRenderer:
    """Draws one of ``kinds`` codes; a family called "gone" is none."""

    kinds: int = 1_000_000
    calls: list = field(default_factory=list)

    def __call__(self, family, name, seed):
        self.calls.append((family, name, seed))
        if family == "gone":
            raise Misconfigured("there is no family 'gone' of strategies")
        return Rendered(name, f"class {name}:\n    period = {seed % self.kinds}\n", {"period": seed % self.kinds})


@pytest.fixture
def render():
    return FakeRenderer()


def generator(place, render, actor="generator@here"):
    return GeneratorWorker(place.equipment(actor), render, place.blobs, place.name_of_code)


def test_a_request_gives_a_strategy_with_its_name_seed_model_and_origin(place, render):
    generation = place.request(seed=7)

    assert work(generator(place, render)) == 1

    (generated,) = place.happened("Strategy.Generated")
    facts = generated.facts
    assert facts["name"] == NAME
    assert (facts["model_used"], facts["origin"]) == ("predefined", "predefined")
    assert (facts["strategy_type"], facts["parameters"]) == ("trend", {"period": 7})
    assert facts["generation_id"] == str(generation.id)
    assert place.blobs.get(facts["code_hash"]) == f"class {NAME}:\n    period = 7\n".encode()
    assert facts["normalised_hash"] == normalised_hash(place.blobs.get(facts["code_hash"]))
    (concluded,) = place.happened("Generation.Concluded")
    assert (concluded.facts["strategy_name"], concluded.facts["facts"]) == (NAME, {"seed": 7})


def test_every_event_says_who_why_and_of_which_pipeline(place, render):
    generation = place.request()

    work(generator(place, render))

    generated, concluded = place.happened("Strategy.Generated", "Generation.Concluded")
    for event in (generated, concluded):
        assert event.meta == {
            "actor": "generator@here",
            "correlation": str(place.strategy().id),
            "causation": f"{generation.id.hex}:1",
            "task": f"generate/{generation.id.hex}/1",
        }


def test_the_name_is_that_of_the_moment_it_was_asked_for(place, render):
    place.request()
    place.clock.jump(hours=5)

    work(generator(place, render))

    assert place.happened("Strategy.Generated")[0].facts["name"] == NAME


def test_requests_of_one_second_get_names_of_their_own(place, render):
    place.request("one", seed=1)
    place.request("two", seed=2)

    assert work(generator(place, render)) == 2

    assert [each.facts["name"] for each in place.happened("Strategy.Generated")] == [NAME, f"{NAME}_2"]


def test_a_request_that_is_done_twice_gives_one_strategy(place, render):
    place.request()
    late = place.claim("generate")
    place.pass_leases()
    work(generator(place, render))

    worker = generator(place, render, "late@here")
    with pytest.raises(LeaseLost):
        worker.handle(late)

    assert place.topics().count("Strategy.Generated") == 1


def test_a_generator_that_died_before_it_recorded_is_repeated_exactly(place, render):
    place.request(seed=7)
    place.claim("generate")
    place.pass_leases()

    work(generator(place, render))

    assert [call[1:] for call in render.calls] == [(NAME, 7)]
    assert place.topics() == ["Generation.Requested", "Strategy.Generated", "Generation.Concluded"]


def test_a_code_that_exists_is_not_made_again_the_next_seed_is_drawn(place, render):
    place.request("one", seed=7)
    place.request("two", seed=7)

    work(generator(place, render))

    parameters = [each.facts["parameters"] for each in place.happened("Strategy.Generated")]
    assert parameters == [{"period": 7}, {"period": 8}]
    assert place.happened("Generation.Concluded")[1].facts["facts"] == {"seed": 8}


def test_a_code_whose_strategy_was_retired_is_not_made_again_either(place, render):
    place.request("one", seed=7)
    work(generator(place, render))
    place.change(lambda strategy, stamp: strategy.retire(Reason.WEAK, "too weak", stamp))
    place.request("two", seed=7)

    work(generator(place, render))

    assert place.happened("Strategy.Generated")[1].facts["parameters"] == {"period": 8}


def test_a_family_that_is_exhausted_fails_the_generation_with_the_reason(place):
    render = FakeRenderer(kinds=1)
    place.request("one")
    place.request("two")

    assert work(generator(place, render)) == 2

    (failed,) = place.happened("Generation.Failed")
    assert f"{DRAWS} seeds from 7 on" in failed.facts["reason"]
    assert place.tasks().keys() == {f"validate/{place.strategy().id.hex}/1"}, "nothing is left to generate"


def test_a_family_that_is_no_more_fails_the_generation_and_not_the_generator(place, render):
    place.request("one", strategy_type="gone")
    place.request("two")

    assert work(generator(place, render)) == 2

    (failed,) = place.happened("Generation.Failed")
    assert "there is no family 'gone'" in failed.facts["reason"]
    assert place.topics().count("Strategy.Generated") == 1


def test_what_exists_is_asked_again_later_when_it_cannot_be_told(place, render):
    place.request()
    worker = GeneratorWorker(place.equipment(), render, place.blobs, lambda _: _raise(TryAgain("not up to date")))

    assert worker.step()

    assert place.topics() == ["Generation.Requested"]
    (task,) = place.tasks().values()
    assert (task["state"], task["tries"]) == ("open", 1)


def _raise(error):
    raise error
