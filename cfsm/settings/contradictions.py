"""Settings that are right one by one and cannot be meant together."""

from collections.abc import Iterator

from cfsm.domain.trading_mode import WHAT_PRODUCTION_NEEDS
from cfsm.settings.problems import nearest
from cfsm.settings.schema import PromptTimeouts, Settings
from cfsm.settings.tree import Path

Contradiction = tuple[Path, str]
"""The key to change and what is wrong with it."""

MODELS_OF_A_COOPERATION = 2
SMALLEST_WALK_PERCENT = 5


def contradictions(settings: Settings) -> Iterator[Contradiction]:
    """Every key that contradicts another one."""
    yield from _models(settings)
    yield from _backtest(settings)
    yield from _walk_forward(settings)
    yield from _workers(settings)
    yield from _timeouts(settings)
    if settings.forward_test.mode == "production":
        yield ("forward_test", "mode"), f"must be shadow or debug. {WHAT_PRODUCTION_NEEDS}"
    if settings.store.password and settings.store.password_file:
        yield ("store", "password"), "is given here and by store.password_file; keep the file"


def _models(settings: Settings) -> Iterator[Contradiction]:
    generation, chosen = settings.generation, settings.model_selection
    writers = chosen.generation or generation.models
    if generation.mode not in {"single", "sampling"} and len(writers) < MODELS_OF_A_COOPERATION:
        models = f"{len(writers)} model" if len(writers) == 1 else f"{len(writers)} models"
        yield (
            ("generation", "mode"),
            f"must be single with {models}; a {generation.mode} needs two or more in generation.models",
        )
    for task in ("generation", "validation", "optimization"):
        for place, model in enumerate(getattr(chosen, task)):
            if model not in generation.models:
                near = nearest(model, generation.models)
                yield ("model_selection", task, place), f"must be one of generation.models; {model} is not{near}"


def _backtest(settings: Settings) -> Iterator[Contradiction]:
    backtest = settings.backtest
    for place, pair in enumerate(backtest.pairs):
        if not pair.endswith(f":{backtest.stake_currency}"):
            yield (
                ("backtest", "pairs", place),
                f"must settle in backtest.stake_currency ({backtest.stake_currency}); {pair} does not",
            )


def _walk_forward(settings: Settings) -> Iterator[Contradiction]:
    shares = settings.walk_forward
    left = 100 - shares.screening_percent - shares.proof_percent
    if left < SMALLEST_WALK_PERCENT:
        yield (
            ("walk_forward", "screening_percent"),
            f"must leave at least {SMALLEST_WALK_PERCENT} percent for the windows; with proof_percent "
            f"{shares.proof_percent} it leaves {left}",
        )


def _workers(settings: Settings) -> Iterator[Contradiction]:
    workers = settings.workers
    if workers.lease_seconds <= workers.watchdog_seconds:
        yield (
            ("workers", "lease_seconds"),
            f"must be more than workers.watchdog_seconds ({workers.watchdog_seconds}), or a task is given away "
            "while its worker is alive",
        )
    if workers.restart_backoff_most_seconds < workers.restart_backoff_first_seconds:
        yield (
            ("workers", "restart_backoff_most_seconds"),
            f"must be at least workers.restart_backoff_first_seconds ({workers.restart_backoff_first_seconds})",
        )


def _timeouts(settings: Settings) -> Iterator[Contradiction]:
    ollama = settings.ollama
    tables: dict[Path, PromptTimeouts] = {
        ("ollama", "default_timeouts_seconds"): ollama.default_timeouts_seconds,
        **{("ollama", "timeouts_seconds", model): row for model, row in ollama.timeouts_seconds.items()},
    }
    for path, row in tables.items():
        for less, more in (("fast", "normal"), ("normal", "complex")):
            limit = getattr(row, less)
            if getattr(row, more) < limit:
                yield (*path, more), f"must be at least {less} ({limit}): a more complex prompt needs more time"
    complexity = ollama.complexity
    for what in ("characters", "instructions"):
        limit = getattr(complexity, f"fast_below_{what}")
        if getattr(complexity, f"normal_below_{what}") < limit:
            key = f"normal_below_{what}"
            yield ("ollama", "complexity", key), f"must be at least fast_below_{what} ({limit})"
