import json

import pytest

from cfsm.domain.lifecycle import State
from cfsm.domain.strategy import Reason, Strategy
from cfsm.projections.reading import fold
from cfsm.projections.strategies import AmbiguousStrategy, NoSuchStrategy, StrategiesView
from tests.fakes.story import Story, figures

PHI = "VolatilityStrategy_phi3_20260101_000000"
MISTRAL = "ScalpingStrategy_mistral_20260101_000000"


def view_of(story, until=None):
    return fold(StrategiesView, story.log, until)


def only(story):
    [metadata] = view_of(story).select()
    return metadata


def test_a_generated_strategy_is_known_by_all_that_its_birth_says():
    story = Story()
    generation = story.request()
    strategy = story.generate(PHI, generation=generation, parents=["ParentStrategy"])

    metadata = only(story)

    assert metadata.id == strategy.id.hex
    assert metadata.name == PHI
    assert metadata.file_path == f"strategies/{PHI}.py"
    assert metadata.strategy_type == "volatility"
    assert metadata.model_used == "phi3"
    assert metadata.origin == "model"
    assert metadata.generation_time == "2026-01-01T00:02:00+00:00"
    assert metadata.state == "Generated"
    assert metadata.validation_status == "pending"
    assert metadata.code_hash == f"code of {PHI}"
    assert metadata.parameters == {"window": 14}
    assert metadata.parents == ["ParentStrategy"]
    assert metadata.generation_id == generation.id.hex
    assert metadata.correlation == str(strategy.id)
    assert metadata.backtest_score is None
    assert metadata.last_backtest is None
    assert metadata.figures == {}
    assert not metadata.is_active
    assert not metadata.is_retired
    assert metadata.place == 2


def test_an_executed_strategy_is_validated():
    story = Story()
    story.validate(story.generate())

    assert only(story).state == "Validated"
    assert only(story).validation_status == "validated"


def test_the_last_backtest_counts():
    story = Story()
    strategy = story.backtested(PHI, sr=0.05)
    story.backtest(strategy, figures(0.2, timeframe="1h"), key="2", result_hash="other trades")

    metadata = only(story)

    assert metadata.state == "Backtested"
    assert metadata.backtest_score == figures(0.2)["sharpe_daily"]
    assert metadata.last_backtest == "2026-01-01T00:10:00+00:00"
    assert metadata.timeframe == "1h"
    assert metadata.timerange == "20250101-20251231"
    assert metadata.result_hash == "other trades"
    assert metadata.figures == figures(0.2, timeframe="1h")


def test_a_backtest_without_a_sharpe_ratio_leaves_no_score_of_the_one_before():
    story = Story()
    strategy = story.backtested(PHI, sr=0.05)
    story.backtest(strategy, figures(None, 0), key="2")

    assert only(story).backtest_score is None
    assert only(story).last_backtest is not None


def test_figures_with_everything_missing_are_borne():
    story = Story()
    story.backtest(validated(story), {})

    assert only(story).figures == {}
    assert only(story).timeframe == ""


def validated(story):
    strategy = story.generate()
    story.validate(strategy)
    return strategy


def test_optimised_and_dry_run_strategies_say_so():
    story = Story()
    strategy = story.backtested(PHI)
    story.optimize(strategy)
    assert only(story).state == "Optimized"
    assert only(story).parameters_hash == "hash of parameters"

    story.start_dry_run(strategy)

    assert only(story).state == "DryRun"
    assert only(story).is_active


def test_a_retired_strategy_keeps_why_and_when_and_its_last_figures():
    story = Story()
    story.retire(story.backtested(PHI), Reason.WEAK, score=0.01)

    metadata = only(story)

    assert metadata.is_retired
    assert metadata.retired_reason == "weak"
    assert metadata.retired_detail == "because it is weak"
    assert metadata.retired_at == "2026-01-01T00:08:00+00:00"
    assert metadata.validation_status == "validated"
    assert metadata.figures == figures()


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (Reason.INVALID, "rejected"),
        (Reason.UNSAFE, "rejected"),
        (Reason.DUPLICATE, "rejected"),
        (Reason.BROKEN, "rejected"),
        (Reason.FORGED, "rejected"),
        (Reason.TOO_OLD, "pending"),
        (Reason.SURPLUS, "pending"),
        (Reason.BY_HAND, "pending"),
    ],
)
def test_what_was_retired_for_its_code_was_rejected(reason, status):
    story = Story()
    story.retire(story.generate(), reason)

    assert only(story).validation_status == status


def test_a_late_result_changes_nothing():
    story = Story()
    strategy = story.backtested(PHI)
    story.retire(strategy)
    before = only(story)
    story.backtest(strategy, figures(0.9), key="late")

    assert only(story) == before


@pytest.fixture
def several():
    story = Story()
    story.backtested(PHI)
    story.generate(MISTRAL, strategy_type="scalping", model_used="mistral")
    story.retire(story.generate("VolatilityStrategy_phi3_20260102_000000"))
    dry = story.backtested("VolatilityStrategy_phi3_20260103_000000")
    story.start_dry_run(dry)
    return story


@pytest.mark.parametrize(
    ("filters", "places"),
    [
        ({}, [0, 1, 2, 3]),
        ({"state": State.BACKTESTED}, [0]),
        ({"state": "Generated"}, [1]),
        ({"strategy_type": "scalping"}, [1]),
        ({"model": "phi3"}, [0, 2, 3]),
        ({"active": True}, [3]),
        ({"active": False}, [0, 1, 2]),
        ({"retired": True}, [2]),
        ({"retired": False}, [0, 1, 3]),
        ({"prefix": "Volatility"}, [0, 2, 3]),
        ({"prefix": "volatility"}, []),
        ({"prefix": "Volatility", "retired": False, "model": "phi3"}, [0, 3]),
        ({"limit": 2}, [0, 1]),
        ({"limit": 2, "newest_first": True}, [3, 2]),
        ({"limit": 0}, []),
    ],
)
def test_strategies_are_selected_by_all_that_is_given(several, filters, places):
    every = view_of(several).select()

    assert view_of(several).select(**filters) == [every[place] for place in places]


def test_they_are_counted(several):
    assert view_of(several).count() == 4


def test_a_strategy_is_found_by_name_by_id_and_by_an_unambiguous_beginning(several):
    view = view_of(several)
    identity = Strategy.id_of(MISTRAL)

    for query in (MISTRAL, str(identity), identity.hex, str(identity).upper(), "Scalp", str(identity)[:11]):
        assert view.find(query).name == MISTRAL
    assert view.get(str(identity)).name == MISTRAL


def test_a_whole_name_is_found_even_if_another_begins_with_it():
    story = Story()
    story.generate(PHI)
    story.generate(f"{PHI}_2")

    assert view_of(story).find(PHI).name == PHI


def test_an_ambiguous_beginning_names_the_candidates(several):
    with pytest.raises(AmbiguousStrategy, match=rf"{PHI}, VolatilityStrategy_phi3_20260102_000000, "):
        view_of(several).find("Vol")


@pytest.mark.parametrize("query", ["Momentum", "", "%", "_", "' OR 1=1 --"])
def test_what_is_not_there_is_not_found(several, query):
    with pytest.raises(NoSuchStrategy):
        view_of(several).find(query)
    assert view_of(several).get(query) is None


def test_code_and_trades_are_traced_to_the_first_that_had_them():
    story = Story()
    first = story.generate(PHI, normalised_hash="the same")
    story.validate(first)
    story.backtest(first, result_hash="the same trades")
    story.retire(first)
    second = story.generate(MISTRAL, normalised_hash="the same")
    story.validate(second)
    story.backtest(second, result_hash="the same trades")
    view = view_of(story)

    assert view.name_of_code("the same") == PHI
    assert view.name_of_code("another") is None
    assert view.name_of_result("the same trades") == PHI
    assert view.name_of_result("") is None


def test_summaries_are_what_a_cleaning_needs(several):
    summaries = view_of(several).summaries()

    assert [(each.name, each.state, each.score) for each in summaries] == [
        (PHI, State.BACKTESTED, figures()["sharpe_daily"]),
        (MISTRAL, State.GENERATED, None),
        ("VolatilityStrategy_phi3_20260103_000000", State.DRY_RUN, figures()["sharpe_daily"]),
    ]
    assert summaries[0].last_backtest.isoformat() == "2026-01-01T00:07:00+00:00"
    assert summaries[1].last_backtest is None


def test_the_metadata_file_has_the_keys_and_the_shape_of_the_agents(several):
    document = json.loads(view_of(several).metadata_json())

    assert list(document) == [PHI, MISTRAL, "VolatilityStrategy_phi3_20260103_000000"]
    assert document[PHI] == {
        "name": PHI,
        "file_path": f"strategies/{PHI}.py",
        "strategy_type": "volatility",
        "model_used": "phi3",
        "generation_time": "2026-01-01T00:01:00",
        "validation_status": "validated",
        "backtest_score": figures()["sharpe_daily"],
        "last_backtest": "2026-01-01T00:07:00",
        "is_active": False,
    }
    assert document[MISTRAL]["last_backtest"] is None


def test_the_metadata_file_has_the_retired_ones_on_demand(several):
    document = json.loads(view_of(several).metadata_json(include_retired=True))

    assert "VolatilityStrategy_phi3_20260102_000000" in document


def test_the_past_is_shown_as_it_was_the_same_bytes_each_time(several):
    first, second = view_of(several, until=5), view_of(several, until=5)

    assert first.metadata_json() == second.metadata_json()
    assert [each.state for each in first.select()] == ["Validated"] == [each.state for each in second.select()]


def test_what_became_of_an_optimisation_is_known():
    story = Story()
    strategy = story.backtested(PHI)
    assert only(story).optimization == ""

    story.request_optimization(strategy)
    assert only(story).optimization == "asked for"

    story.keep_as_it_was(strategy, story.try_epochs(strategy))
    assert only(story).optimization == "kept as it was: better on 1 of 3 windows only"


def test_a_summary_says_whether_the_score_is_out_of_sample_and_whether_an_optimisation_was_asked_for():
    story = Story()
    strategy = story.backtested(PHI, is_out_of_sample=True, total_trades=42)
    (before,) = fold(StrategiesView, story.log).summaries()
    story.request_optimization(strategy)
    (after,) = fold(StrategiesView, story.log).summaries()

    assert (before.total_trades, before.is_out_of_sample, before.is_optimization_asked) == (42, True, False)
    assert after.is_optimization_asked


def test_a_models_opinion_is_shown_with_its_name():
    story = Story()
    strategy = story.backtested("A")

    story.opine(strategy, strategy.backtests[0])

    [shown] = fold(StrategiesView, story.log).select()
    assert shown.opinion == "cogito:8b: It trades too often."
