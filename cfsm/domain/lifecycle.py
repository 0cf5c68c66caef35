"""The lifecycle of a strategy: one table, and the two questions that are asked of it."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from transitions import Machine


class State(StrEnum):
    """Where a strategy is in its life."""

    GENERATED = "Generated"
    VALIDATED = "Validated"
    BACKTESTED = "Backtested"
    OPTIMIZED = "Optimized"
    DRY_RUN = "DryRun"
    RETIRED = "Retired"


(GENERATED, VALIDATED, BACKTESTED, OPTIMIZED, DRY_RUN, RETIRED) = State

TABLE: Sequence[Mapping[str, object]] = [
    {"trigger": "validate", "source": GENERATED, "dest": VALIDATED},
    # An audit validates again.
    {"trigger": "validate", "source": [VALIDATED, BACKTESTED, OPTIMIZED, DRY_RUN], "dest": "="},
    {"trigger": "backtest", "source": VALIDATED, "dest": BACKTESTED},
    # Every few hours the candles are new, and the backtest is repeated.
    {"trigger": "backtest", "source": [BACKTESTED, OPTIMIZED, DRY_RUN], "dest": "="},
    {"trigger": "optimize", "source": [BACKTESTED, OPTIMIZED], "dest": OPTIMIZED},
    {"trigger": "start_dry_run", "source": [BACKTESTED, OPTIMIZED], "dest": DRY_RUN},
    {"trigger": "retire", "source": [GENERATED, VALIDATED, BACKTESTED, OPTIMIZED, DRY_RUN], "dest": RETIRED},
]


class IllegalTransition(Exception):
    """The strategy's state does not allow this; the message says what it allows."""


MACHINE = Machine(model=None, states=State, transitions=TABLE, initial=GENERATED, auto_transitions=False)
"""The only copy of the diagram. No strategy is ever registered with it."""


def next_state(trigger: str, state: State) -> State:
    """Give the state that the trigger leads to. Raise IllegalTransition if the table does not allow it."""
    found = MACHINE.events[trigger].transitions.get(state.name, [])
    if not found:
        allowed = ", ".join(triggers(state)) or "nothing"
        raise IllegalTransition(f"{trigger} is not allowed for a {state} strategy; allowed: {allowed}")
    return _state(found[0].dest)


def triggers(state: State) -> list[str]:
    """Give the triggers that the table allows in this state, in the table's order."""
    return [name for name, event in MACHINE.events.items() if state.name in event.transitions]


def mermaid() -> str:
    """Give the state diagram of the table as mermaid text."""
    lines = ["stateDiagram-v2", f"    [*] --> {GENERATED}: generate"]
    for name, event in MACHINE.events.items():
        for source, found in event.transitions.items():
            lines += [f"    {State[source]} --> {_state(each.dest)}: {name}" for each in found]
    return "\n".join([*lines, f"    {RETIRED} --> [*]"])


def _state(name: str | None) -> State:
    assert name is not None, "no transition of the table is internal"
    return State[name]
