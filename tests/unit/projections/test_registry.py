import pytest

from cfsm.projections.registry import all_projections, projection_named
from cfsm.projections.strategies import Strategies


def test_every_projection_has_its_own_name_and_a_version():
    names = [projection.name for projection in all_projections()]

    assert names == [
        "strategies",
        "leaderboard",
        "lineage",
        "runs",
        "forward_tests",
        "generations",
        "models",
        "answer_times",
        "health",
    ]
    assert all(projection.version >= 1 for projection in all_projections())


def test_a_projection_is_found_by_its_name():
    assert projection_named("strategies") is Strategies


def test_an_unknown_name_is_refused_with_those_that_there_are():
    with pytest.raises(LookupError, match="strategies, leaderboard, lineage, runs, forward_tests, generations, models"):
        projection_named("leaderbord")
