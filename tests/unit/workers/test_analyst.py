"""A backtest's result is shown to the strongest model; what it holds is noted as an opinion, and decides nothing."""

from datetime import date

import pytest

from cfsm.domain.evaluation import Conditions, Limits
from cfsm.domain.strategy import Reason, State
from cfsm.domain.walk_forward import DayRange, Division
from cfsm.workers.backtester import BacktesterWorker
from tests.fakes.engine import FakeEngine
from tests.fakes.ollama_server import OllamaServer
from tests.fakes.studio import asked, generator_of, studio_at
from tests.fakes.workplace import NAME, work

OPINION = {
    "diagnosis": "It trades too often.",
    "changes": [{"parameter": "stoploss", "from": -0.05, "to": -0.03, "reason": "losses are large"}],
}
SAYS = {"reactions": [{"json": OPINION}]}
SILENT = {"reactions": [{"say": "", "form": {}}]}


@pytest.fixture
def backtested(place):
    """A strategy whose first backtest asks for an opinion."""
    place.add()
    place.change(lambda each, stamp: each.record_validation("run-1", (), stamp))
    days = Division(DayRange(date(2025, 1, 1), date(2025, 3, 1)))
    worker = BacktesterWorker(
        place.equipment("backtester@here"),
        FakeEngine(),
        is_engine_ready=lambda: True,
        blobs=place.blobs,
        conditions=Conditions("synthetic"),
        limits=Limits(),
        division=lambda: days,
        data_label="synthetic",
        name_of_result=place.name_of_result,
        wants_opinions=True,
    )
    work(worker)
    return worker


def opine(place, models, attempts=1, **staff):
    server = OllamaServer({"models": models})
    with server.run_in_thread():
        for _ in range(attempts):
            work(generator_of(place, studio_at(place, server.url, list(models), **staff)))
            place.pass_leases()
    return server


def test_the_opinion_of_the_strongest_is_noted_with_what_it_was_asked(place, backtested):
    server = opine(place, {"phi3:mini": SAYS, "cogito:8b": {"size": 5_000_000_000, **SAYS}})

    (noted,) = place.happened("Strategy.OpinionNoted")
    assert noted.facts["model"] == "cogito:8b"
    assert noted.facts["opinion"] == OPINION
    (request,) = asked(server)
    prompt = request.body["messages"][1]["content"]
    assert "total_trades: 20" in prompt
    assert f"class {NAME}" in prompt
    assert noted.facts["run_id"] == place.strategy().backtests[0]
    assert place.due("opinion") == []


def test_an_opinion_decides_nothing(place, backtested):
    before = place.strategy()

    opine(place, {"phi3:mini": SAYS})

    assert place.strategy().state is before.state is State.BACKTESTED
    assert place.strategy().score == before.score


def test_the_next_model_is_asked_where_one_has_none(place, backtested):
    opine(place, {"cogito:8b": {"size": 5_000_000_000, **SILENT}, "phi3:mini": SAYS})

    assert place.happened("Strategy.OpinionNoted")[0].facts["model"] == "phi3:mini"
    (failed,) = place.happened("Strategy.OpinionFailed")
    assert (failed.facts["model"], failed.facts["reason"]) == ("cogito:8b", "tells_none")


def test_where_nobody_has_one_the_task_is_closed_all_the_same(place, backtested):
    opine(place, {"phi3:mini": SILENT})

    assert place.happened("Strategy.OpinionNoted") == []
    assert place.due("opinion") == []


def test_a_server_that_is_away_is_tried_again_and_then_left_alone(place, backtested):
    studio = studio_at(place, "http://127.0.0.1:1", ["phi3:mini"], strongest=["phi3:mini"])
    for _ in range(2):
        work(generator_of(place, studio))
        assert len(place.due("opinion")) == 1
        place.pass_leases()

    work(generator_of(place, studio))

    assert place.due("opinion") == []
    assert place.happened("Strategy.OpinionNoted") == []


def test_a_second_backtest_asks_for_no_other_opinion(place, backtested):
    opine(place, {"phi3:mini": SAYS})
    place.change(lambda each, stamp: each.request_backtest("due", stamp))

    work(backtested)

    assert len(place.happened("Strategy.OpinionRequested")) == 1


def test_nobody_is_asked_about_a_strategy_that_was_retired(place, backtested):
    place.change(lambda each, stamp: each.retire(Reason.BY_HAND, "by hand", stamp))

    server = opine(place, {"phi3:mini": SAYS})

    assert asked(server) == []
    assert place.due("opinion") == []
