"""What making strategies with models needs, wired from the settings and the house."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from cfsm.application.proposing import Example, Surroundings
from cfsm.bootstrap.house import House
from cfsm.bootstrap.views import by_reaction
from cfsm.domain.answer import ModelFacts
from cfsm.domain.conversation import Channel
from cfsm.domain.evaluation import Conditions
from cfsm.domain.generation import Generation
from cfsm.domain.planning import Staff
from cfsm.domain.strategy import Origin, Strategy
from cfsm.domain.timeouts import (
    Complexity,
    ComplexityRules,
    Timeouts,
    estimate_prompt_complexity,
    look_up,
    timeout_seconds,
)
from cfsm.projections.answer_times import AnswerTimesView
from cfsm.projections.leaderboard import Contender, LeaderboardView

if TYPE_CHECKING:
    from cfsm.adapters.market_data.dataset import Dataset
    from cfsm.adapters.ollama import OllamaModels
    from cfsm.settings.schema import PromptTimeouts
    from cfsm.workers.studio import Studio

EXAMPLES = 2
CONTENDERS = 20
"""How many of the best strategies are looked through for examples that are short enough."""

MAX_EXAMPLE_CHARACTERS = 2_000
PAIRS_NAMED = 4
MEGABYTE = 1_000_000


def studio(house: House) -> "Studio":
    """Give what the generator needs to let models make strategies."""
    from cfsm.adapters.blueprint import render
    from cfsm.adapters.prompts import PromptFolder
    from cfsm.workers.studio import Studio

    settings = house.settings
    return Studio(
        open_models=lambda: _open_models(settings.ollama.host),
        prompts=PromptFolder(),
        staff=staff(house),
        limits=AnswerTerms.of(house),
        render=render,
        surroundings=lambda: surroundings(house),
        blobs=house.blobs,
        name_of_code=house.name_of_code,
        engine=house.engine,
        is_engine_ready=house.is_forge_ready,
        screening=lambda: screening(house),
        execution_limits=house.validation_limits,
        screening_limits=house.limits,
        memory_bytes=lambda known: memory_bytes(house, known),
        parallel=settings.generation.parallel_generation_count,
        seconds=lambda: _answer_times(house).typical(),
    )


def _open_models(url: str) -> "OllamaModels":
    from cfsm.adapters.ollama import OllamaModels  # 8 MB that a factory without models does not need

    return OllamaModels(url)


def staff(house: House) -> Staff:
    """Give the models as they are configured."""
    generation, chosen = house.settings.generation, house.settings.model_selection
    return Staff(
        models=generation.models,
        writers=chosen.generation,
        repairers=chosen.validation,
        strongest=chosen.optimization,
        channel=generation.channel,
        samples=generation.samples,
        rounds=generation.repair_rounds,
    )


@dataclass(frozen=True)
class AnswerTerms:
    """How much a model may take for one answer: configured, and learnt from what was measured."""

    house: House
    num_ctx: int
    temperature: float
    first_token_seconds: float
    idle_seconds: float

    @classmethod
    def of(cls, house: House) -> "AnswerTerms":
        """Give the terms of the house's settings."""
        ollama = house.settings.ollama
        return cls(house, ollama.num_ctx, ollama.temperature, ollama.first_token_seconds, ollama.idle_seconds)

    def complexity(self, prompt: str) -> Complexity:
        """Give how much a prompt asks for."""
        return estimate_prompt_complexity(prompt, ComplexityRules(**self.house.settings.ollama.complexity.model_dump()))

    def seconds(self, model: str, complexity: Complexity) -> float:
        """Give the time limit: the table's, or less where this model's answers have shown to need less."""
        ollama = self.house.settings.ollama
        row = look_up(model, ollama.timeouts_seconds, ollama.default_timeouts_seconds)
        measured = _answer_times(self.house).seconds(model, complexity)
        return timeout_seconds(model, complexity, {model: _timeouts(row)}, measured)


def _timeouts(row: "PromptTimeouts") -> Timeouts:
    return Timeouts(row.fast, row.normal, row.complex)


def _answer_times(house: House) -> AnswerTimesView:
    with by_reaction():
        return house.view(AnswerTimesView)


def screening(house: House) -> Conditions:
    """Give the conditions under which proposals are compared: days that prove nothing. Raise Misconfigured."""
    return replace(house.conditions, timerange=house.division.screening.timerange)


def memory_bytes(house: House, known: Sequence[ModelFacts]) -> int:
    """Give what models may take in memory, loaded ones included; what others need is left alone."""
    configured = house.settings.ollama.memory_mb
    if configured is not None:
        return configured * MEGABYTE
    from cfsm.adapters.hardware import Gauge

    load = Gauge(house.path, house.settings.admission.window_seconds).load()
    loaded = sum(model.loaded_bytes for model in known)
    available_mb = (load.memory_available_mb or 0) - house.settings.admission.min_memory_available_mb
    return loaded + max(0, int(available_mb * MEGABYTE))


def surroundings(house: House) -> Surroundings:
    """Give what models are told of the market and of the factory's own successes."""
    dataset = house.datasets.open(house.conditions.dataset)
    timeframes = [house.conditions.timeframe] if house.conditions.timeframe else list(dataset.timeframes)
    words = f"{in_words(dataset, house.conditions, timeframes)} {_moves(house, dataset, timeframes)}".strip()
    return Surroundings(words, timeframes, examples(house))


def _moves(house: House, dataset: "Dataset", timeframes: Sequence[str]) -> str:
    """Say how far prices move, as the screening days have it: no other day is told of."""
    from cfsm.adapters.market_data.spans import median_spans

    pair, days = (house.conditions.pairs or dataset.pairs)[0], house.division.screening
    spans = median_spans(dataset, pair, timeframes, days.first, days.end)
    told = ", ".join(f"{span:.2%} at {timeframe}" for timeframe, span in spans.items())
    return f"From low to high a candle of {pair} spans {told} (median)." if told else ""


def in_words(dataset: "Dataset", conditions: Conditions, timeframes: Sequence[str]) -> str:
    """Give the market in two sentences."""
    pairs = conditions.pairs or dataset.pairs
    others = f" and {len(pairs) - PAIRS_NAMED} others" if len(pairs) > PAIRS_NAMED else ""
    return (
        f"{', '.join(pairs[:PAIRS_NAMED])}{others}, perpetual futures in {conditions.stake_currency}; "
        f"candles of {', '.join(timeframes)}. At most {conditions.max_open_trades} trades are open at a time, "
        "and every trade pays a fee twice."
    )


def examples(house: House) -> Mapping[str, Sequence[Example]]:
    """Give the best strategies of the factory that are short enough to be shown, by channel."""
    selection = house.settings.selection
    with by_reaction():
        best = house.view(LeaderboardView).top(CONTENDERS, house.proof_rules)
    good = [
        each
        for each in best
        if each.total_trades >= selection.minimum_trades and (each.sharpe_daily or 0.0) > selection.min_backtest_score
    ]
    found: dict[str, list[Example]] = {channel.value: [] for channel in Channel}
    for contender in good:
        for channel, text in _texts(house, contender):
            if len(found[channel]) < EXAMPLES and len(text) <= MAX_EXAMPLE_CHARACTERS:
                found[channel].append(Example(contender.name, text))
    return found


def _texts(house: House, contender: Contender) -> Iterator[tuple[str, str]]:
    """Give a strategy's code, and its form where it was made of one."""
    strategy = house.factory.get(Strategy, UUID(contender.id))
    code = house.blobs.get(strategy.code_hash).decode()
    yield Channel.SOURCE.value, "\n".join(line for line in code.splitlines() if not line.startswith("#")).strip()
    form = _form(house, strategy) if strategy.origin is Origin.MODEL and strategy.generation_id else ""
    if form:
        yield Channel.BLUEPRINT.value, form


def _form(house: House, strategy: Strategy) -> str:
    import orjson

    from cfsm.domain.intake.extraction import spoken_text
    from cfsm.domain.intake.json_text import find_json

    generation = house.factory.get(Generation, UUID(strategy.generation_id))
    decision = generation.decision
    if decision is None or generation.proposals[decision.step].channel != Channel.BLUEPRINT:
        return ""
    found = find_json(spoken_text(house.blobs.get(generation.answers[decision.step].answer_hash).decode()))
    return orjson.dumps(found[0]).decode() if found else ""
