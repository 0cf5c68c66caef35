"""A generator that is killed at every step: what was answered is used, nothing is asked twice, the same comes of it."""

from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count

import pytest

from cfsm.adapters.blobs import BlobFolder
from cfsm.adapters.event_store import sqlite
from cfsm.adapters.ollama import OllamaModels
from cfsm.application.factory import Factory
from tests.fakes.deaths import dies, dies_at_call
from tests.fakes.engine import FakeEngine
from tests.fakes.ollama_server import OllamaServer
from tests.fakes.studio import ask_for, asked, generator_of, reactions, studio_at, written
from tests.fakes.workplace import Workplace, work

MODELS = ("cogito:8b", "phi3:mini")
VOTE = {"json": {"best": "A", "reason": "its exits"}}
IDEAS = {"json": {"ideas": [{"name": "Pullback", "entry": "RSI below 30"}]}}
AGREED = {"json": {"name": "Agreed", "entry": "close above EMA"}}
SCRIPT = {
    "models": {
        "cogito:8b": reactions(
            written(21, "raise ValueError('no such column')"),
            repair=written(22),
            ideas=IDEAS,
            agreement=AGREED,
            vote=VOTE,
            synthesis=written(40),
            implementation=written(41),
        ),
        "phi3:mini": reactions(written(20, "# profit: 0.03"), ideas=IDEAS, vote=VOTE),
    }
}
SAVING = (Factory, "_append")
KEEPING = (BlobFolder, "put")
ASKING = (OllamaModels, "ask")
RUNNING = (FakeEngine, "validate")
SCREENING = (FakeEngine, "backtest")


@dataclass
class World:
    """A workplace and a server of its own; the plan of the models is the same in each."""

    place: Workplace
    server: OllamaServer

    def generate(self):
        """Do all that is due, as a worker of its own."""
        # One after the other: the order of events is then the same every time.
        studio = studio_at(self.place, self.server.url, MODELS, memory_gigabytes=3)
        return work(generator_of(self.place, studio))

    def asked(self):
        """Give what models were asked, by model and seed: two questions never share both."""
        return [(seen.body["model"], seen.body["options"]["seed"]) for seen in asked(self.server)]

    def answered(self):
        """Give what was recorded as answered, in the same words."""
        seeds = {each.facts["step"]: each.facts["seed"] for each in self.place.happened("Generation.Asked")}
        answers = self.place.happened("Generation.Answered", "Generation.AnswerFailed")
        return [(each.facts["model"], seeds[each.facts["step"]]) for each in answers]

    def outcome(self):
        """Give what came of it, without when and by whom."""
        (strategy,) = self.place.happened("Strategy.Generated")
        (decided,) = self.place.happened("Generation.Decided")
        facts = strategy.facts
        return facts["name"], facts["model_used"], facts["origin"], facts["code_hash"], decided.facts

    def said(self):
        """Give the conversation, without the attempts; who is asked first may change: the one that is loaded."""
        return sorted(
            (each.topic, each.facts.get("step", ""))
            for each in self.place.happened()
            if each.topic.startswith("Generation.") and each.topic != "Generation.Resumed"
        )

    def again(self):
        """Give the same world for another process: connections to a database do not survive a fork."""
        return World(Workplace(self.place.home), self.server)


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Give new worlds, each in a folder of its own, in which a strategy is asked for."""
    monkeypatch.delenv("CFSM_RUNTIME_DIR", raising=False)
    with ExitStack() as stack:
        numbers = count()

        def new(mode) -> World:
            place = Workplace(tmp_path / str(next(numbers)))
            stack.callback(place.close)
            monkeypatch.setattr(sqlite, "lease_clock", place.lease_clock)
            server = OllamaServer(SCRIPT)
            stack.enter_context(server.run_in_thread())
            ask_for(place, mode)
            return World(place, server)

        yield new


def dies_before(world, number, *functions):
    """Let a generator work that is killed before a call; say whether it was, or had done everything by then."""

    def deed():
        twin = world.again()
        dies_at_call(number, *functions)
        twin.generate()

    return dies(deed)


def killed_at_every_call(world, mode, *functions):
    """Kill a generator before each call of these functions, let another go on, and compare what comes of it."""
    untouched = world(mode)
    untouched.generate()
    for number in count(1):
        each = world(mode)
        if not dies_before(each, number, *functions):
            break
        answered, already = each.answered(), len(each.asked())
        each.place.pass_leases()

        each.generate()

        again = each.asked()[already:]
        assert not set(again) & set(answered), "what was answered was asked again"
        assert len(again) == len(set(again))
        assert set(each.asked()) == set(untouched.asked())
        assert each.said() == untouched.said()
        assert each.outcome() == untouched.outcome()
        assert each.place.due("generate") == []
    return number - 1


def test_a_generator_that_is_killed_at_any_step_goes_on_and_asks_nothing_twice(world):
    deaths = killed_at_every_call(world, "single", SAVING, ASKING, RUNNING)

    assert deaths >= 8


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", ["sampling", "contest", "voting", "consensus"])
def test_in_every_mode(world, mode):
    deaths = killed_at_every_call(world, mode, SAVING, ASKING, RUNNING, SCREENING)

    assert deaths >= 12


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_between_a_blob_and_the_event_that_names_it(world):
    assert killed_at_every_call(world, "voting", KEEPING) >= 12
