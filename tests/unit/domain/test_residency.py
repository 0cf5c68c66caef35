from cfsm.domain.answer import ModelFacts
from cfsm.domain.residency import needed_bytes, plan_rounds

GB = 1_000_000_000


def model(name, size_gb, **others):
    return ModelFacts(name, available=True, size_bytes=int(size_gb * GB), **others)


def test_models_that_fit_together_are_asked_together_and_stay():
    (only,) = plan_rounds([model("a", 2), model("b", 3)], 4096, 8 * GB)

    assert only.models == ("a", "b")
    assert only.keep_alive == "30m"


def test_a_model_that_does_not_fit_beside_the_others_waits_for_their_memory():
    first, second = plan_rounds([model("a", 4), model("b", 4)], 4096, 6 * GB)

    assert (first.models, first.keep_alive) == (("a",), 0)
    assert (second.models, second.keep_alive) == (("b",), "30m")


def test_loaded_models_come_first():
    rounds = plan_rounds([model("a", 4), model("b", 4, loaded_bytes=4 * GB)], 4096, 6 * GB)

    assert [each.models for each in rounds] == [("b",), ("a",)]


def test_no_round_has_more_models_than_the_server_holds():
    rounds = plan_rounds([model(name, 0.1) for name in "abcd"], 4096, 8 * GB, parallel=2)

    assert [each.models for each in rounds] == [("a", "b"), ("c", "d")]


def test_a_model_too_large_even_alone_is_told():
    (only,) = plan_rounds([model("a", 40)], 4096, 8 * GB)

    assert only.fits is False


def test_the_context_counts_and_is_no_longer_than_the_models_own():
    small = model("a", 1, cache_bytes_per_token=100_000, context_tokens=2048)

    assert needed_bytes(small, 8192) == int(1.1 * GB) + 2048 * 100_000


def test_absent_models_are_left_out():
    assert plan_rounds([ModelFacts("a", available=False)], 4096, 8 * GB) == ()
