"""A generator that is killed at every step of an opinion: an answer that was recorded is never asked for again."""

from contextlib import ExitStack
from itertools import count

import pytest

from cfsm.adapters.blobs import BlobFolder
from cfsm.adapters.event_store import sqlite
from cfsm.adapters.ollama import OllamaModels
from cfsm.application.factory import Factory
from tests.fakes.deaths import dies, dies_at_call
from tests.fakes.ollama_server import OllamaServer
from tests.fakes.studio import asked, generator_of, studio_at
from tests.fakes.workplace import Workplace, work

STRONGEST_FIRST = ("cogito:8b", "gemma3:4b", "phi3:mini")
SCRIPT = {
    "models": {
        "cogito:8b": {"reactions": [{"say": ""}]},  # no answer
        "gemma3:4b": {"reactions": [{"json": {"diagnosis": "Fine.", "changes": []}}]},  # an answer that tells nothing
        "phi3:mini": {"reactions": [{"json": {"diagnosis": "It trades too often.", "changes": []}}]},
    }
}
RUN = "b" * 32
SAVING = (Factory, "_append")
KEEPING = (BlobFolder, "put")
ASKING = (OllamaModels, "ask")
NOTED, FAILED = "Strategy.OpinionNoted", "Strategy.OpinionFailed"


@pytest.fixture
def new(tmp_path, monkeypatch):
    """Give new workplaces, each with a server of its own, in which an opinion is asked for."""
    monkeypatch.delenv("CFSM_RUNTIME_DIR", raising=False)
    with ExitStack() as stack:
        numbers = count()

        def make():
            place = Workplace(tmp_path / str(next(numbers)))
            stack.callback(place.close)
            monkeypatch.setattr(sqlite, "lease_clock", place.lease_clock)
            server = OllamaServer(SCRIPT)
            stack.enter_context(server.run_in_thread())
            place.add()
            place.change(lambda each, stamp: each.record_validation("run-1", (), stamp))
            place.change(lambda each, stamp: each.record_backtest(RUN, "20250101-", "result", {}, stamp))
            place.change(lambda each, stamp: each.request_opinion(RUN, stamp))
            return place, server

        yield make


def opine(place, server):
    """Do what is due of opinions, as a worker of its own."""
    work(generator_of(place, studio_at(place, server.url, STRONGEST_FIRST, strongest=STRONGEST_FIRST)))


def dies_before(place, server, number, *functions):
    """Let a generator work that is killed before a call; say whether it was, or had done everything by then."""

    def deed():
        twin = Workplace(place.home)  # connections to a database do not survive a fork
        dies_at_call(number, *functions)
        opine(twin, server)

    return dies(deed)


def questions(server):
    return [seen.body["model"] for seen in asked(server)]


def recorded(place):
    return [each.facts["model"] for each in place.happened(NOTED, FAILED)]


@pytest.mark.parametrize(("functions", "at_least"), [((SAVING, ASKING), 6), ((KEEPING,), 5)], ids=["steps", "blobs"])
def test_a_generator_that_is_killed_at_any_step_asks_nobody_again_whose_answer_was_recorded(new, functions, at_least):
    for number in count(1):
        place, server = new()
        if not dies_before(place, server, number, *functions):
            break
        answered, already = recorded(place), len(questions(server))
        # At most the answer that had just come is not recorded yet.
        assert questions(server)[: len(answered)] == answered
        assert already - len(answered) <= 1
        place.pass_leases()

        opine(place, server)

        again = questions(server)[already:]
        assert again == list(STRONGEST_FIRST[len(answered) :])
        assert recorded(place) == list(STRONGEST_FIRST)
        assert [each.facts["model"] for each in place.happened(NOTED)] == ["phi3:mini"]
        assert place.due("opinion") == []
    assert number - 1 >= at_least
