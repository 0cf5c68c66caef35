"""Which models fit in memory together, and how long each stays there: a plan of rounds."""

from collections.abc import Sequence
from dataclasses import dataclass

from cfsm.domain.answer import ModelFacts

OVERHEAD = 1.1
"""What a loaded model takes over the size of its file: buffers for computing (measured 5 to 9 %)."""


@dataclass(frozen=True)
class Round:
    """Models that are asked at the same time.

    ``keep_alive`` is what to send with each question: ``hold`` when nothing else needs the memory afterwards,
    else 0, so that the next round finds room. ``fits`` is False for a model too large even alone.
    """

    models: tuple[str, ...]
    keep_alive: str | int
    fits: bool = True


def needed_bytes(model: ModelFacts, num_ctx: int) -> int:
    """Give what a model takes in memory with a context of so many tokens."""
    cache = model.cache_bytes_per_token * min(num_ctx, model.context_tokens or num_ctx)
    return int(model.size_bytes * OVERHEAD) + cache


def plan_rounds(
    models: Sequence[ModelFacts], num_ctx: int, memory_bytes: int, *, parallel: int = 3, hold: str = "30m"
) -> tuple[Round, ...]:
    """Spread models over rounds so that each round fits in memory; first fit, loaded ones first.

    ``memory_bytes`` is what models may take in all, loaded ones included; ``parallel`` bounds the models of a
    round (the server's OLLAMA_MAX_LOADED_MODELS). Models that are not available are left out.
    """
    present = [model for model in models if model.available]
    order = sorted(present, key=lambda model: model.loaded_bytes == 0)
    rounds: list[list[ModelFacts]] = []
    for model in order:
        home = next((r for r in rounds if _has_room(r, model, num_ctx, memory_bytes, parallel)), None)
        if home is None:
            rounds.append([model])
        else:
            home.append(model)
    last = len(rounds) - 1
    return tuple(
        Round(
            models=tuple(model.name for model in together),
            keep_alive=hold if number == last else 0,
            fits=sum(needed_bytes(model, num_ctx) for model in together) <= memory_bytes,
        )
        for number, together in enumerate(rounds)
    )


def _has_room(
    together: Sequence[ModelFacts], model: ModelFacts, num_ctx: int, memory_bytes: int, parallel: int
) -> bool:
    needed = sum(needed_bytes(each, num_ctx) for each in (*together, model))
    return len(together) < parallel and needed <= memory_bytes
