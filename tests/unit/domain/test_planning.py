"""The plan: who writes, who joins, who takes over; the same request and configuration give the same plan."""

import pytest

from cfsm.domain.answer import ModelFacts
from cfsm.domain.planning import Staff, by_strength, planned

MODELS = ("phi3:mini", "cogito:8b", "mistral:7b")
STAFF = Staff(models=MODELS, channel="source")


def facts(**sizes):
    return [ModelFacts(name.replace("_", ":"), available=True, size_bytes=size) for name, size in sizes.items()]


def plan(mode="single", model="", seed=1, staff=STAFF, **others):
    return planned(mode=mode, model=model, seed=seed, staff=staff, **others)


@pytest.mark.parametrize(
    ("mode", "model", "staff"),
    [("contest", "", Staff()), ("predefined", "", STAFF), ("single", "predefined", STAFF)],
)
def test_without_models_or_where_it_is_wanted_so_a_predefined_strategy_is_made(mode, model, staff):
    assert plan(mode, model, staff=staff).mode == "predefined"


def test_the_seed_draws_who_writes_alone_and_every_model_has_its_turn():
    writers = [plan(seed=seed).writers for seed in range(60)]

    assert {writer for (writer,) in writers} == set(MODELS)
    assert plan(seed=7).writers == plan(seed=7).writers


def test_a_model_that_is_named_writes():
    assert plan(model="cogito:8b").writers == ["cogito:8b"]


def test_those_that_are_faster_take_over_the_next_faster_first():
    assert plan(model="mistral:7b").fallbacks == ["cogito:8b", "phi3:mini"]
    assert plan(model="phi3:mini").fallbacks == []


def test_what_was_measured_here_goes_before_what_is_known_in_general():
    seconds = {"phi3:mini": 90.0, "cogito:8b": 20.0, "mistral:7b": 40.0}

    assert plan(model="phi3:mini", seconds=seconds).fallbacks == ["mistral:7b", "cogito:8b"]


def test_models_that_nobody_knows_are_ordered_by_their_size():
    staff = Staff(models=("big", "small", "middle"), channel="source")

    assert plan(model="big", staff=staff, known=facts(big=9, small=2, middle=5)).fallbacks == ["middle", "small"]


def test_a_mode_of_several_models_is_written_by_all_and_the_fastest_stands_by():
    contest = plan("contest")

    assert contest.writers == list(MODELS)
    assert contest.fallbacks == ["phi3:mini"]


def test_one_writer_makes_no_contest():
    assert plan("contest", staff=Staff(models=("phi3:mini",), channel="source")).mode == "single"


def test_the_largest_is_the_strongest_unless_the_configuration_names_others():
    known = facts(phi3_mini=2, cogito_8b=5, mistral_7b=4)

    assert plan("voting", known=known).strongest == ["cogito:8b", "mistral:7b", "phi3:mini"]
    named = Staff(models=MODELS, strongest=("mistral:7b",), channel="source")
    assert plan("voting", staff=named, known=known).strongest == ["mistral:7b"]


def test_sizes_are_known_by_the_name_without_the_tag_that_goes_without_saying():
    known = [
        ModelFacts("phi3:latest", available=True, size_bytes=2),
        ModelFacts("mistral", available=True, size_bytes=4),
    ]

    assert by_strength(["phi3", "mistral"], known) == ["mistral", "phi3"]


def test_each_channel_comes_about_as_often_with_each_model():
    plans = [plan(seed=seed, staff=Staff(models=MODELS)) for seed in range(600)]

    for model in MODELS:
        forms = [each.channel == "blueprint" for each in plans if each.writers == [model]]
        assert 0.35 < sum(forms) / len(forms) < 0.65


def test_only_sampling_has_several_samples():
    assert plan("sampling", staff=Staff(models=MODELS, samples=5)).samples == 5
    assert plan("single", staff=Staff(models=MODELS, samples=5)).samples == 1
