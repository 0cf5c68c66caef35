"""All projections, in one place."""

from cfsm.projections.answer_times import AnswerTimes
from cfsm.projections.base import Projection
from cfsm.projections.forward_tests import ForwardTests
from cfsm.projections.generations import Generations
from cfsm.projections.health import Health
from cfsm.projections.leaderboard import Leaderboard
from cfsm.projections.lineage import Lineage
from cfsm.projections.models import Models
from cfsm.projections.runs import Runs
from cfsm.projections.strategies import Strategies


def all_projections() -> tuple[type[Projection], ...]:
    """Give every projection that the factory keeps, in the order in which they are shown."""
    return Strategies, Leaderboard, Lineage, Runs, ForwardTests, Generations, Models, AnswerTimes, Health


def projection_named(name: str) -> type[Projection]:
    """Give the projection with this name. Raise LookupError, naming those that there are."""
    for projection in all_projections():
        if projection.name == name:
            return projection
    known = ", ".join(projection.name for projection in all_projections())
    raise LookupError(f"no projection is called {name!r}; there are: {known}")
