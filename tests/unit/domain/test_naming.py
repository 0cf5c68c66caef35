import re
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfsm.domain.naming import id_of, model_tag, strategy_id, strategy_name, type_tag

AT = datetime(2024, 12, 1, 14, 30, 22, tzinfo=UTC)
HAS_A_CHARACTER = re.compile(r"[A-Za-z0-9]")
WORDS = st.text(max_size=90).filter(HAS_A_CHARACTER.search)
TIMES = st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30), timezones=st.timezones())  # noqa: DTZ001 - bounds are naive


@pytest.mark.parametrize(
    ("strategy_type", "model", "name"),
    [
        ("volatility", "phi3", "VolatilityStrategy_phi3_20241201_143022"),
        ("mean_reversion", "cogito:8b", "MeanReversionStrategy_cogito8b_20241201_143022"),
        ("scalping", "mistral:7b-instruct-q4_0", "ScalpingStrategy_mistral7binstructq40_20241201_143022"),
        ("2ema cross", "hf.co/Org/M", "S2emaCrossStrategy_hfcoorgm_20241201_143022"),
        ("trend", "predefined", "TrendStrategy_predefined_20241201_143022"),
    ],
)
def test_names_tell_type_model_and_second(strategy_type, model, name):
    assert strategy_name(strategy_type, model, AT) == name


def test_the_second_is_told_in_utc():
    rome = AT.astimezone(timezone(timedelta(hours=1)))

    assert strategy_name("trend", "phi3", rome) == strategy_name("trend", "phi3", AT)


def test_clashes_within_the_second_are_numbered():
    taken: set[str] = set()
    for _ in range(3):
        taken.add(strategy_name("trend", "phi3", AT, taken))

    assert sorted(taken) == [f"TrendStrategy_phi3_20241201_143022{suffix}" for suffix in ("", "_2", "_3")]


def test_a_function_may_say_what_is_taken():
    assert strategy_name("trend", "phi3", AT, lambda name: not name.endswith("_7")).endswith("_143022_7")


def test_a_second_full_of_names_is_refused_rather_than_overwritten():
    with pytest.raises(ValueError, match="try again in a second"):
        strategy_name("trend", "phi3", AT, lambda _: True)


@pytest.mark.parametrize(
    ("strategy_type", "model", "at", "complaint"),
    [
        ("???", "phi3", AT, "Strategy type"),
        ("", "phi3", AT, "Strategy type"),
        ("trend", ":-/", AT, "Model"),
        ("trend", "phi3", AT.replace(tzinfo=None), "time zone"),
    ],
)
def test_what_makes_no_name_is_refused(strategy_type, model, at, complaint):
    with pytest.raises(ValueError, match=complaint):
        strategy_name(strategy_type, model, at)


@settings(deadline=None, max_examples=200)
@given(WORDS, WORDS, TIMES, st.integers(1, 30))
def test_every_name_is_a_bounded_identifier_that_says_type_model_and_time(strategy_type, model, at, clashes):
    earlier: set[str] = set()
    for _ in range(clashes):
        earlier.add(strategy_name(strategy_type, model, at, earlier))

    name = strategy_name(strategy_type, model, at, earlier)

    assert name not in earlier
    assert name.isidentifier()
    assert name.isascii()
    assert len(name) <= 102
    ending = f"_{clashes + 1}" if clashes else ""
    second = at.astimezone(UTC).replace(microsecond=0).isoformat()[:19]
    moment = second.replace("-", "").replace(":", "").replace("T", "_")
    assert name == f"{type_tag(strategy_type)}Strategy_{model_tag(model)}_{moment}{ending}"


def test_the_id_is_a_pure_function_of_the_name_for_ever():
    assert strategy_id("VolatilityStrategy_phi3_20241201_143022") == UUID("ff032420-29b8-5d9d-a898-8779ad4f49aa")
    assert strategy_id("TrendStrategy_phi3_20241201_143022") != strategy_id("TrendStrategy_phi3_20241201_143022_2")


def test_ids_of_strategies_grow_from_the_namespace_of_all_ids():
    assert strategy_id("MyOwn") == id_of("strategy", "MyOwn")
