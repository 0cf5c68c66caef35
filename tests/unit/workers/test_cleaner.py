"""A cleaning retires what the rules say, whole or not at all, and says what it did."""

import pytest

from cfsm.application.errors import TryAgain
from cfsm.domain.housekeeping import Cleaning
from cfsm.domain.retention import RetentionRules
from cfsm.domain.strategy import Reason
from cfsm.workers.cleaner import CleanerWorker
from tests.fakes.workplace import NAME, work

SLOT = "2026-11-21T02:00"
KEEP_TWO = RetentionRules(max_strategies=2)


def cleaner(place, rules=KEEP_TWO, summaries=None):
    return CleanerWorker(place.equipment("cleaner@here"), rules, summaries or place.summaries)


def add(place, count):
    """Add strategies, an hour between two; give their names, the oldest first."""
    names = [f"{NAME}_{number + 2}" for number in range(count)]
    for name in names:
        place.add(f"# {name}\nx = {len(name)}", name, normalised_hash=name)
        place.clock.jump(hours=1)
    return names


def ask(place, slot=SLOT):
    cleaning = Cleaning.request(slot, "daily", place.factory.stamp())
    place.record(cleaning)
    return cleaning


def test_the_surplus_is_retired_with_reason_and_evidence_and_the_rest_is_kept(place):
    names = add(place, 5)
    cleaning = ask(place)

    assert work(cleaner(place)) == 1

    retired = place.happened("Strategy.Retired")
    assert [place.strategy(name).is_retired for name in names] == [True, True, True, False, False]
    assert {each.facts["reason"] for each in retired} == {"surplus"}
    assert all(each.facts["evidence"]["max_strategies"] == 2 for each in retired)
    (done,) = place.happened("Cleaning.Done")
    assert done.facts == {"retired": names[:3], "kept": 2}
    assert done.meta["causation"] == f"{cleaning.id.hex}:1"
    assert {each.meta["causation"] for each in retired} == {f"{cleaning.id.hex}:1"}
    assert [each.meta["correlation"] for each in retired] == [str(place.strategy(name).id) for name in names[:3]]


def test_the_old_and_the_weak_are_retired(place):
    names = add(place, 2)
    place.change(lambda each, stamp: each.record_validation("run-1", (), stamp), names[1])
    place.change(lambda each, stamp: each.record_backtest("run-2", "", "hash", {"sharpe_daily": 0.01}, stamp), names[1])
    place.clock.jump(hours=40 * 24 - 1.5)
    ask(place)

    work(cleaner(place, RetentionRules(max_strategies=50, max_strategy_age_days=40, min_backtest_score=0.1)))

    assert [each.facts["reason"] for each in place.happened("Strategy.Retired")] == ["too_old", "weak"]


def test_a_cleaning_with_nothing_to_do_is_done(place):
    add(place, 1)
    ask(place)

    work(cleaner(place))

    assert place.happened("Cleaning.Done")[0].facts == {"retired": [], "kept": 1}
    assert place.due("clean") == []


def test_a_cleaning_that_died_has_retired_nothing_and_the_next_attempt_tells_the_whole(place, monkeypatch):
    names = add(place, 5)
    ask(place)
    worker = cleaner(place)
    retired = []
    tick = worker.tick

    def die_half_way(claim, words):
        tick(claim, words)
        retired.append(words)
        if len(retired) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(worker, "tick", die_half_way)
    with pytest.raises(KeyboardInterrupt):
        worker.step()
    assert place.happened("Strategy.Retired", "Cleaning.Done") == []
    place.pass_leases()

    work(cleaner(place))

    assert place.happened("Cleaning.Done")[0].facts == {"retired": names[:3], "kept": 2}
    assert len(place.happened("Strategy.Retired")) == 3


def test_what_another_retired_meanwhile_is_not_said_to_be_its_doing(place):
    names = add(place, 4)
    stale = place.summaries()
    place.change(lambda each, stamp: each.retire(Reason.BY_HAND, "not wanted", stamp), names[0])
    ask(place)

    work(cleaner(place, summaries=lambda: stale))

    assert place.happened("Cleaning.Done")[0].facts == {"retired": [names[1]], "kept": 2}
    assert place.strategy(names[0]).retired_because == "by_hand"


def test_every_retirement_is_a_sign_of_life(place):
    add(place, 5)
    ask(place)
    place.notifier.watchdog_interval_seconds = 1e-9

    work(cleaner(place))

    assert place.notifier.said.count("WATCHDOG") >= 3
    assert sum(words.startswith("retiring ") for words in place.notifier.statuses) == 3


def test_a_cleaner_that_is_to_stop_puts_the_cleaning_back_whole(place):
    add(place, 5)
    ask(place)
    worker = cleaner(place)
    place.is_stopping = True

    worker.step()

    assert place.happened("Strategy.Retired") == []
    place.is_stopping = False
    assert work(cleaner(place)) == 1


def test_strategies_that_cannot_be_listed_are_cleaned_later(place):
    ask(place)

    def locked():
        raise TryAgain("the projector is at work")

    worker = cleaner(place, summaries=locked)
    assert worker.step()

    assert [task["tries"] for task in place.tasks().values()] == [1]
