"""What models are told and how long they may take, as a house's settings, candles and past have it."""

import re
from datetime import date

import pytest

from cfsm.bootstrap.studio import AnswerTerms, examples, memory_bytes, screening, studio, surroundings
from cfsm.domain.answer import ModelFacts
from cfsm.domain.conversation import Decision
from cfsm.domain.evaluation import Limits
from cfsm.domain.strategy import Origin, Strategy
from cfsm.domain.timeouts import Complexity
from cfsm.domain.walk_forward import DayRange
from tests.fakes import talk
from tests.fakes.home import StoredStory, house_at
from tests.fakes.story import figures


@pytest.fixture
def house(tmp_path):
    def house(settings="{}"):
        (tmp_path / "cfsm.yaml").write_text(settings)
        return house_at(tmp_path)

    return house


def synthesise(house):
    house.datasets.synthesise(
        "synthetic",
        pairs=("BTC/USDT:USDT", "ETH/USDT:USDT"),
        timeframes=("15m", "1h"),
        start=date(2025, 1, 1),
        end=date(2025, 3, 2),
    )
    return house


def test_what_a_model_wrote_is_executed_within_the_time_of_a_validation(house):
    told = studio(house("backtest: {validation_timeout_seconds: 30, timeout_seconds: 300, memory_mb: 1000}"))

    assert told.execution_limits == Limits(wall_seconds=120, cpu_seconds=30, memory_mb=1000)
    assert told.screening_limits == Limits(wall_seconds=300, cpu_seconds=300, memory_mb=1000)


def test_proposals_are_compared_on_the_screening_days_which_prove_nothing(house):
    home = synthesise(house())

    days = home.division
    assert days.is_divided
    assert screening(home).timerange == days.screening.timerange
    first, end = screening(home).timerange.split("-")
    assert date.fromisoformat(end) < days.walk_forward.first
    assert DayRange(date.fromisoformat(first), date.fromisoformat(end)) == days.screening


def test_models_are_told_the_market(house):
    told = surroundings(synthesise(house()))

    assert told.market.startswith("BTC/USDT:USDT, ETH/USDT:USDT, perpetual futures in USDT; candles of 15m, 1h.")
    assert re.search(r"From low to high a candle of BTC/USDT:USDT spans \d\.\d\d% at 15m, \d\.\d\d% at 1h", told.market)
    assert list(told.timeframes) == ["15m", "1h"]
    assert told.examples == {"blueprint": [], "source": []}


def test_one_timeframe_that_is_configured_is_the_only_one_told(house):
    assert surroundings(synthesise(house("backtest: {timeframe: 1h}"))).timeframes == ["1h"]


@pytest.mark.parametrize(
    ("model", "complexity", "seconds"),
    [
        ("phi3:mini", Complexity.FAST, 300),
        ("phi3:mini", Complexity.COMPLEX, 900),
        ("llama2", Complexity.NORMAL, 1200),
        ("mistral:7b-instruct-q4_0", Complexity.COMPLEX, 2700),
        ("cogito:3b", Complexity.NORMAL, 600),
        ("cogito:8b", Complexity.NORMAL, 1200),
        ("unheard-of", Complexity.FAST, 900),
    ],
)
def test_time_limits_are_those_of_the_table(house, model, complexity, seconds):
    assert AnswerTerms.of(house()).seconds(model, complexity) == seconds


def test_time_limits_are_configured(house):
    home = house("ollama: {timeouts_seconds: {phi3: {fast: 11, normal: 12, complex: 13}}, num_ctx: 8192}")

    terms = AnswerTerms.of(home)

    assert terms.seconds("phi3:mini", Complexity.NORMAL) == 12
    assert terms.num_ctx == 8192


def test_time_limits_are_learnt_from_enough_answers(house):
    home = house()
    story = StoredStory(home.factory)
    generation = story.request()
    for number in range(20):
        generation.ask(talk.step(f"phi3:mini/{number}"), story.stamp())
        generation.keep_answer(f"phi3:mini/{number}", talk.ANSWER | {"seconds": 40.0}, story.stamp())
    story.record(generation)

    terms = AnswerTerms.of(home)

    assert terms.seconds("phi3:mini", Complexity.NORMAL) == 120
    assert terms.seconds("phi3:mini", Complexity.COMPLEX) == 900


def test_the_rule_of_complexity_is_configured(house):
    assert AnswerTerms.of(house()).complexity("Genera " * 3) is Complexity.NORMAL
    relaxed = house("ollama: {complexity: {fast_below_instructions: 4, normal_below_instructions: 9}}")
    assert AnswerTerms.of(relaxed).complexity("Genera " * 3) is Complexity.FAST


def test_models_may_take_what_is_configured_or_what_is_left(house):
    loaded = [ModelFacts("a", available=True, loaded_bytes=3_000_000_000)]

    assert memory_bytes(house("ollama: {memory_mb: 8000}"), loaded) == 8_000_000_000
    assert memory_bytes(house("admission: {min_memory_available_mb: 10000000}"), loaded) == 3_000_000_000


def test_the_best_of_the_factory_are_shown_in_the_form_in_which_models_write(house):
    home = house()
    story = StoredStory(home.factory)
    form = '{"idea": "a break", "timeframe": "1h"}'
    generation = story.request()
    generation.begin(talk.PLAN, 1, story.stamp())
    generation.ask(talk.step("phi3:mini/0", channel="blueprint"), story.stamp())
    answer = talk.ANSWER | {"blobs": {"answer": home.blobs.put(form.encode())}}
    generation.keep_answer("phi3:mini/0", answer, story.stamp())
    generation.propose(talk.proposal("phi3:mini/0", channel="blueprint"), story.stamp())
    generation.decide(Decision("phi3:mini", "phi3:mini", "phi3:mini/0", "only_one"), story.stamp())
    story.record(generation)
    for name, sr, code in (
        ("Best", 0.3, "# by phi3\nclass Best: pass\n"),
        ("Long", 0.2, "class Long: pass\n" * 500),
        ("Weak", -0.1, "class Weak: pass\n"),
    ):
        strategy = Strategy.generate(
            name=name,
            strategy_type="trend",
            model_used="phi3:mini",
            origin=Origin.MODEL,
            code_hash=home.blobs.put(code.encode()),
            normalised_hash=name,
            generation_id=str(generation.id) if name == "Best" else "",
            stamp=story.stamp(),
        )
        story.record(strategy)
        story.validate(strategy)
        story.backtest(strategy, figures(sr))

    shown = examples(home)

    assert [(each.name, each.text) for each in shown["source"]] == [("Best", "class Best: pass")]
    assert [(each.name, each.text) for each in shown["blueprint"]] == [("Best", '{"idea":"a break","timeframe":"1h"}')]


def test_a_studio_has_the_models_as_they_are_configured(house):
    settings = """
generation: {models: [a, b, c], mode: voting, channel: source, samples: 4, repair_rounds: 1}
model_selection: {generation: [a, b], validation: c, optimization: [c, a]}
"""
    staff = studio(house(settings)).staff

    assert (staff.models, staff.writers, staff.repairers) == (("a", "b", "c"), ("a", "b"), ("c",))
    assert (staff.strongest, staff.channel, staff.samples, staff.rounds) == (("c", "a"), "source", 4, 1)
