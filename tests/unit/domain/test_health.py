import pytest

from cfsm.domain.health import POORLY, WELL, HealthRules, Level, Vitals, health_of

RULES = HealthRules(silent_seconds=10, hung_seconds=30, lag_events=500, memory_mb=400)


def health(**vitals):
    return health_of(Vitals(**{"is_running": True, **vitals}), RULES)


def test_a_worker_of_which_nothing_is_wrong_has_the_full_score():
    well = health(silent_seconds=10, lag_events=500, done=20, memory_mb=400)

    assert (well.score, well.level, well.reason) == (100, Level.WELL, "")


def test_a_worker_that_does_not_run_has_none_and_says_why():
    ill = health(is_running=False, trouble="exit code 3: no such table", restarts=4)

    assert (ill.score, ill.level, ill.reason) == (0, Level.ILL, "exit code 3: no such table")


def test_a_worker_that_is_not_needed_is_not_ill():
    assert health(is_running=False, is_wanted=False).level is Level.RESTING


def test_a_worker_of_which_nothing_is_known_but_that_it_runs_is_well():
    assert health().score == 100


@pytest.mark.parametrize(
    ("vitals", "points", "reason"),
    [
        ({"silent_seconds": 20}, 50, "silent for 20 s"),
        ({"silent_seconds": 60}, 100, "silent for 60 s"),
        ({"lag_events": 501}, 1, "501 events behind the log"),
        ({"lag_events": 10_000}, 50, "10000 events behind the log"),
        ({"done": 3, "failed": 1}, 15, "1 of 4 attempts failed within the hour"),
        ({"failed": 7}, 60, "7 of 7 attempts failed within the hour"),
        ({"restarts": 1}, 15, "started again once within the hour"),
        ({"restarts": 9}, 60, "started again 9 times within the hour"),
        ({"memory_mb": 600}, 20, "takes 600 MB where 400 MB are expected"),
        ({"memory_mb": 4000}, 40, "takes 4000 MB where 400 MB are expected"),
    ],
)
def test_each_trouble_costs_its_points_and_is_said(vitals, points, reason):
    found = health(**vitals)

    assert found.score == 100 - points
    assert found.reason == reason


def test_the_gravest_trouble_is_said_first():
    assert health(restarts=1, failed=1, memory_mb=500).reason.split("; ") == [
        "1 of 1 attempts failed within the hour",
        "started again once within the hour",
        "takes 500 MB where 400 MB are expected",
    ]


def test_troubles_add_up_and_the_score_never_falls_below_zero():
    assert health(failed=1, restarts=9, lag_events=99_999).score == 0


@pytest.mark.parametrize(("restarts", "level"), [(1, Level.WELL), (2, Level.POORLY), (4, Level.POORLY)])
def test_the_level_is_the_score_in_a_word(restarts, level):
    found = health(restarts=restarts)

    assert found.level is level
    assert (found.score >= WELL, found.score >= POORLY) == (level is Level.WELL, level is not Level.ILL)


def test_without_a_rule_for_memory_none_is_too_much():
    assert health_of(Vitals(is_running=True, memory_mb=1e6), HealthRules(memory_mb=None)).score == 100
