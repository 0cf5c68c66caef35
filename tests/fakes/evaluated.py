"""A home whose strategies were validated and backtested by the workers themselves, with a scripted engine."""

from cfsm.domain.evaluation import Conditions, Limits
from cfsm.workers.backtester import BacktesterWorker
from cfsm.workers.validator import ValidatorWorker
from tests.fakes.workplace import Workplace, work

CONDITIONS = Conditions(dataset="synthetic")


def evaluate(home, engine, texts, conditions=CONDITIONS):
    """Record a strategy for each name with what its text tells the engine to do, and let the workers do all else."""
    place = Workplace(home)
    for name, text in texts.items():
        place.add(text, name)
    common = (engine, lambda: True, place.blobs, conditions, Limits())
    work(ValidatorWorker(place.equipment(), *common))
    names = {"data_label": "synthetic", "name_of_result": place.name_of_result}
    work(BacktesterWorker(place.equipment(), *common, **names))
    place.close()
