"""A home whose strategies were validated and backtested by the workers themselves, with a scripted engine."""

from datetime import date

from cfsm.domain.evaluation import Conditions, Limits
from cfsm.domain.walk_forward import DayRange, Division, DivisionRules, divide
from cfsm.workers.backtester import BacktesterWorker
from cfsm.workers.validator import ValidatorWorker
from tests.fakes.workplace import Workplace, work

CONDITIONS = Conditions(dataset="synthetic")
SIXTY_DAYS = DayRange(date(2025, 1, 1), date(2025, 3, 2))
UNDIVIDED = Division(SIXTY_DAYS)
DIVIDED = divide(SIXTY_DAYS, DivisionRules())


def evaluate(home, engine, texts, conditions=CONDITIONS, division=UNDIVIDED):
    """Record a strategy for each name with what its text tells the engine to do, and let the workers do all else."""
    place = Workplace(home)
    for name, text in texts.items():
        place.add(text, name)
    common = (engine, lambda: True, place.blobs, conditions, Limits())
    work(ValidatorWorker(place.equipment(), *common))
    names = {"division": lambda: division, "data_label": "synthetic", "name_of_result": place.name_of_result}
    work(BacktesterWorker(place.equipment(), *common, **names))
    place.close()
