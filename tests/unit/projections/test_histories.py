"""Histories that were recorded by earlier code are folded by every projection of today."""

import pytest

from cfsm.projections.base import View
from cfsm.projections.reading import fold
from cfsm.projections.registry import all_projections
from cfsm.projections.runs import RunsView
from cfsm.projections.strategies import StrategiesView
from tests.fakes.story import MemoryLog
from tests.histories.record import FOLDER, entries_of

HISTORIES = sorted(FOLDER.glob("*.jsonl"))


@pytest.mark.parametrize("history", HISTORIES, ids=lambda path: path.stem)
@pytest.mark.parametrize("projection", all_projections(), ids=lambda projection: projection.name)
def test_a_recorded_history_is_folded_to_its_end(history, projection):
    log = MemoryLog(list(entries_of(history)))

    view = fold(type("Whole", (View,), {"projection": projection}), log)

    assert view.position == log.head()


def test_what_the_first_history_tells_is_shown():
    log = MemoryLog(list(entries_of(FOLDER / "2026_11_first.jsonl")))

    runs, retired = fold(RunsView, log).select(), fold(StrategiesView, log).select(retired=True)

    assert {run.conditions["dataset"] for run in runs} == {"synth-1", "synth-2"}  # one was resumed under another
    assert {strategy.retired_reason for strategy in retired} == {"worse_than_promised", "invalid"}
