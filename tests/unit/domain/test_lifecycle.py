"""The lifecycle's table: what it allows, what it refuses, and that the documentation shows the same."""

from pathlib import Path

import pytest

from cfsm.domain.lifecycle import MACHINE, IllegalTransition, State, mermaid, next_state, triggers

DOCUMENT = Path(__file__).parents[3] / "docs" / "lifecycle.md"

GENERATED, VALIDATED, BACKTESTED, OPTIMIZED, DRY_RUN, RETIRED = State

ALLOWED = {
    "validate": {
        GENERATED: VALIDATED,
        VALIDATED: VALIDATED,
        BACKTESTED: BACKTESTED,
        OPTIMIZED: OPTIMIZED,
        DRY_RUN: DRY_RUN,
    },
    "backtest": {VALIDATED: BACKTESTED, BACKTESTED: BACKTESTED, OPTIMIZED: OPTIMIZED, DRY_RUN: DRY_RUN},
    "optimize": {BACKTESTED: OPTIMIZED, OPTIMIZED: OPTIMIZED},
    "start_dry_run": {BACKTESTED: DRY_RUN, OPTIMIZED: DRY_RUN},
    "retire": {state: RETIRED for state in State if state is not RETIRED},
}

PAIRS = [(trigger, state) for trigger in ALLOWED for state in State]


@pytest.mark.parametrize(("trigger", "state"), PAIRS)
def test_the_table_allows_this_and_nothing_else(trigger, state):
    destination = ALLOWED[trigger].get(state)

    if destination is None:
        with pytest.raises(IllegalTransition):
            next_state(trigger, state)
    else:
        assert next_state(trigger, state) is destination


def test_the_table_knows_no_other_trigger():
    assert set(MACHINE.events) == set(ALLOWED)


@pytest.mark.parametrize("state", State)
def test_triggers_are_those_that_the_table_allows(state):
    assert triggers(state) == [trigger for trigger, sources in ALLOWED.items() if state in sources]


def test_a_refusal_says_what_is_allowed():
    with pytest.raises(
        IllegalTransition, match=r"backtest is not allowed for a Generated strategy; allowed: validate, retire"
    ):
        next_state("backtest", GENERATED)
    with pytest.raises(IllegalTransition, match=r"retire is not allowed for a Retired strategy; allowed: nothing"):
        next_state("retire", RETIRED)


def test_every_state_can_be_reached_and_left_but_the_last():
    reached = {destination for sources in ALLOWED.values() for destination in sources.values()}

    assert reached | {GENERATED} == set(State)
    assert [state for state in State if not triggers(state)] == [RETIRED]


def test_no_strategy_is_ever_registered_with_the_machine():
    next_state("validate", GENERATED)

    assert MACHINE.models == []


def test_the_documentation_shows_the_table_as_it_is():
    diagram = DOCUMENT.read_text().partition("```mermaid\n")[2].partition("\n```")[0]

    assert diagram == mermaid(), "put the output of `cfsm.domain.lifecycle.mermaid()` into docs/lifecycle.md"


def test_the_documentation_names_every_state_and_trigger():
    text = DOCUMENT.read_text().partition("```mermaid")[0] + DOCUMENT.read_text().rpartition("```")[2]

    for word in [*State, *ALLOWED]:
        assert f"`{word}`" in text
