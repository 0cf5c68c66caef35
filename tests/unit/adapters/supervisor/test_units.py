"""What may be supervised, in which order, and when it is started again."""

import pytest

from cfsm.adapters.supervisor.units import RestartPolicy, UnitSpec, in_start_order


def unit(name, *stop_after):
    return UnitSpec(name=name, argv=("true",), environ={}, stop_after=stop_after)


def test_what_stops_last_starts_first():
    specs = [unit("projector", "validator", "coordinator"), unit("validator"), unit("coordinator", "validator")]

    assert [spec.name for spec in in_start_order(specs)] == ["projector", "coordinator", "validator"]


def test_an_order_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="a stops after b, which is no unit"):
        in_start_order([unit("a", "b")])
    with pytest.raises(ValueError, match=r"in a circle: a after b after a|in a circle: b after a after b"):
        in_start_order([unit("a", "b"), unit("b", "a")])
    with pytest.raises(ValueError, match="two units are called a"):
        in_start_order([unit("a"), unit("a")])


@pytest.mark.parametrize("name", ["", "Worker", "../etc", "a/b", "a b", "a:b", "a\n", "x" * 65])
def test_names_that_are_no_file_names_are_refused(name):
    with pytest.raises(ValueError, match="a unit's name"):
        unit(name)


def test_a_unit_without_a_program_is_refused():
    with pytest.raises(ValueError, match="no program"):
        UnitSpec(name="a", argv=(), environ={})


def test_pauses_double_up_to_their_limit_and_then_become_rare():
    policy = RestartPolicy()

    assert [policy.delay_seconds(crashes) for crashes in (1, 2, 3, 9, 10, 500)] == [0.1, 0.2, 0.4, 25.6, 60.0, 60.0]
    assert [policy.has_failed(crashes) for crashes in (9, 10)] == [False, True]


def test_pauses_never_exceed_the_longest():
    assert RestartPolicy(start_limit=2000).delay_seconds(1100) == 30.0
