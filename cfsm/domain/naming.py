"""Names of strategies, always valid Python identifiers, and ids of everything: pure functions, never an overwrite."""

import re
from collections.abc import Callable, Container
from datetime import UTC, datetime
from uuid import UUID, uuid5

NAMESPACE = UUID("6f2d0f5c-5a39-4c1b-9d0e-0c5f5a3b7e11")
"""All ids that are pure functions of a name or a cause grow from here."""

MAX_TYPE_CHARACTERS = 32
MAX_MODEL_CHARACTERS = 40
MAX_CLASHES = 9_999


def strategy_name(
    strategy_type: str, model: str, at: datetime, taken: Callable[[str], bool] | Container[str] = ()
) -> str:
    """Give ``{Type}Strategy_{model}_{YYYYMMDD_HHMMSS}`` in UTC, with ``_2``, ``_3``, … where that is taken.

    ``taken`` says of a name whether it is in use. Long types and models are cut. Raise ValueError if the type
    or the model has no ASCII letter or digit, if ``at`` has no time zone, or if 9,999 names of that second
    are taken.
    """
    if at.tzinfo is None:
        raise ValueError("A strategy's name needs a time with its time zone")
    moment = at.astimezone(UTC)
    second = f"{moment.year:04}{moment:%m%d_%H%M%S}"
    name = f"{type_tag(strategy_type)}Strategy_{model_tag(model)}_{second}"
    is_taken = taken if callable(taken) else taken.__contains__
    if not is_taken(name):
        return name
    for number in range(2, MAX_CLASHES + 1):
        if not is_taken(f"{name}_{number}"):
            return f"{name}_{number}"
    raise ValueError(f"{MAX_CLASHES} strategies are called {name} already; try again in a second")


def type_tag(strategy_type: str) -> str:
    """Give ``MeanReversion`` for ``mean_reversion``; what begins with a digit gets an ``S`` before it."""
    tag = "".join(word.capitalize() for word in re.findall(r"[A-Za-z0-9]+", strategy_type))
    if not tag:
        raise ValueError(f"Strategy type {strategy_type!r} has no ASCII letter or digit to make a name of")
    return (tag if tag[0].isalpha() else f"S{tag}")[:MAX_TYPE_CHARACTERS]


def model_tag(model: str) -> str:
    """Give ``mistral7binstructq40`` for ``mistral:7b-instruct-q4_0``."""
    tag = re.sub(r"[^a-z0-9]", "", model.lower())
    if not tag:
        raise ValueError(f"Model {model!r} has no ASCII letter or digit to make a name of")
    return tag[:MAX_MODEL_CHARACTERS]


def id_of(kind: str, name: str) -> UUID:
    """Give the id of the thing of this kind with this name: the same everywhere and always."""
    return uuid5(NAMESPACE, f"{kind}/{name}")


def strategy_id(name: str) -> UUID:
    """Give the id of the strategy with this name: a second creation is a conflict, never an overwrite."""
    return id_of("strategy", name)
