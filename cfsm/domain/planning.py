"""Who does what in one generation: decided once, from what is configured and what is known of the models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cfsm.domain.answer import ModelFacts
from cfsm.domain.conversation import Channel, Mode, Plan
from cfsm.domain.naming import id_of
from cfsm.domain.timeouts import ANSWER_SECONDS, fallback_order, look_up

PREDEFINED = "predefined"
"""What stands in a model's place where no model is asked."""

ALTERNATE = "alternate"
FEWEST_TOGETHER = 2


@dataclass(frozen=True)
class Staff:
    """The models as they are configured, and how they work. Empty ``writers`` and ``strongest`` mean every model."""

    models: Sequence[str] = ()
    writers: Sequence[str] = ()
    repairers: Sequence[str] = ()
    strongest: Sequence[str] = ()
    channel: str = ALTERNATE
    samples: int = 3
    rounds: int = 3


def planned(
    *,
    mode: str,
    model: str,
    seed: int,
    staff: Staff,
    known: Sequence[ModelFacts] = (),
    seconds: Mapping[str, float] | None = None,
    screening: Mapping[str, Any] | None = None,
) -> Plan:
    """Give the plan of a request: its mode and model as asked for, the rest by the configuration.

    ``known`` is what the server tells of the models, ``seconds`` how long their answers took. A request without a
    model, or for a mode of several models where there is one, is done with what there is.
    """
    wanted = mode_of(mode, model, staff)
    if wanted is Mode.PREDEFINED:
        return _plan(wanted, "", [], [], [], [], staff, {})
    writers = list(staff.writers or staff.models)
    if not wanted.is_cooperative:
        writers = [model or writers[id_of("writer", str(seed)).int % len(writers)]]
    everyone = list(dict.fromkeys([*writers, *staff.models]))
    strongest = list(staff.strongest) or by_strength(everyone, known)
    last = _slowest_first(everyone, known, seconds or {})[-1] if wanted.is_cooperative else writers[0]
    fallbacks = [last] if wanted.is_cooperative else _faster(writers[0], everyone, known, seconds or {})
    return _plan(
        wanted,
        _channel(staff.channel, seed),
        writers,
        strongest,
        list(staff.repairers),
        fallbacks,
        staff,
        screening or {},
    )


def mode_of(mode: str, model: str, staff: Staff) -> Mode:
    """Give the mode in which a request is done: as asked for, as far as there are models for it."""
    writers = staff.writers or staff.models
    if PREDEFINED in {model, mode} or not (writers or model):
        return Mode.PREDEFINED
    wanted = Mode(mode)
    return Mode.SINGLE if wanted.is_cooperative and len(writers) < FEWEST_TOGETHER else wanted


def by_strength(models: Sequence[str], known: Sequence[ModelFacts]) -> list[str]:
    """Give models, the largest first; those whose size is not known keep their place behind."""
    sizes = _sizes(known)
    return sorted(models, key=lambda model: -sizes.get(model, 0.0))


def _faster(model: str, models: Sequence[str], known: Sequence[ModelFacts], seconds: Mapping[str, float]) -> list[str]:
    return fallback_order(model, models, _slowness(models, known, seconds))


def _slowest_first(models: Sequence[str], known: Sequence[ModelFacts], seconds: Mapping[str, float]) -> list[str]:
    slowness = _slowness(models, known, seconds)
    return sorted(models, key=lambda model: -slowness.get(model, look_up(model, ANSWER_SECONDS, 0.0)))


def _slowness(models: Sequence[str], known: Sequence[ModelFacts], seconds: Mapping[str, float]) -> Mapping[str, float]:
    """Give one measure of slowness for all models: what was measured, else what is known, else their sizes."""
    sizes = _sizes(known)
    if all(model in seconds for model in models):
        return seconds
    if all(look_up(model, ANSWER_SECONDS, 0.0) for model in models):
        return {}
    return sizes if all(model in sizes for model in models) else {}


def _sizes(known: Sequence[ModelFacts]) -> dict[str, float]:
    sizes = {each.name: float(each.size_bytes) for each in known if each.available}
    return sizes | {name.removesuffix(":latest"): size for name, size in sizes.items()}


def _channel(configured: str, seed: int) -> str:
    """Give the channel; where both are to be compared, the seed draws, by another draw than the writer's."""
    if configured != ALTERNATE:
        return configured
    return (Channel.BLUEPRINT, Channel.SOURCE)[id_of("channel", str(seed)).int % 2].value


def _plan(
    mode: Mode,
    channel: str,
    writers: list[str],
    strongest: list[str],
    repairers: list[str],
    fallbacks: list[str],
    staff: Staff,
    screening: Mapping[str, Any],
) -> Plan:
    return Plan(
        mode=mode.value,
        channel=channel,
        writers=writers,
        strongest=strongest,
        repairers=repairers,
        fallbacks=fallbacks,
        samples=staff.samples if mode is Mode.SAMPLING else 1,
        rounds=staff.rounds,
        screening=dict(screening),
    )
