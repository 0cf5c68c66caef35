"""``cfsm due``: what systemd's timers call."""

from cfsm.application.history import History
from tests.fakes.home import house_at


def asked(home, topic):
    factory = house_at(home).open_factory("reader@here")
    found = [
        each for each in History(factory.store).between(0) if each.topic == topic and "due at" in each.facts["why"]
    ]
    factory.close()
    return found


def test_asking_twice_in_a_slot_is_asking_once(cfsm):
    for _ in range(2):
        assert cfsm("due", "generation").code == 0
        assert cfsm("due", "cleaning").code == 0

    assert len(asked(cfsm.home, "Generation.Requested")) in {1, 2}  # two, if the hour has just ended
    assert len(asked(cfsm.home, "Cleaning.Requested")) == 1


def test_nothing_is_asked_for_where_there_is_no_room(cfsm):
    (cfsm.home / "cfsm.yaml").write_text("retention: {max_strategies: 1}\n")

    result = cfsm("due", "generation")

    assert "generation paused" in result.err
    assert asked(cfsm.home, "Generation.Requested") == []


def test_a_part_that_there_is_not_is_refused(cfsm):
    assert cfsm("due", "everything").code == 2
