"""What the server tells of a model, in our words."""

from collections.abc import Mapping
from typing import Any

import ollama

from cfsm.domain.answer import ModelFacts

CACHE_BYTES_PER_VALUE = 2
"""The server keeps keys and values of the context as 16-bit numbers unless told otherwise."""


def full_name(model: str) -> str:
    """Give a model's name with its tag, as the server lists it (``phi3`` is ``phi3:latest``)."""
    return model if ":" in model.rsplit("/", 1)[-1] else f"{model}:latest"


def model_facts(
    listed: ollama.ListResponse.Model, shown: ollama.ShowResponse, running: ollama.ProcessResponse.Model | None
) -> ModelFacts:
    """Give what /api/tags, /api/show and /api/ps say of one model."""
    details = listed.details
    info = shown.modelinfo or {}
    return ModelFacts(
        name=listed.model or "",
        available=True,
        digest=listed.digest or "",
        size_bytes=int(listed.size or 0),
        parameter_size=(details.parameter_size if details else "") or "",
        quantization=(details.quantization_level if details else "") or "",
        family=(details.family if details else "") or "",
        context_tokens=_number(info, "context_length"),
        cache_bytes_per_token=cache_bytes_per_token(info),
        can_think="thinking" in (shown.capabilities or []),
        loaded_bytes=int(running.size or 0) if running else 0,
        loaded_until=running.expires_at.isoformat() if running and running.expires_at else "",
    )


def cache_bytes_per_token(info: Mapping[str, Any]) -> int:
    """Give what one token of context takes in memory: keys and values of every layer; 0 if unknown."""
    layers, heads = _number(info, "block_count"), _number(info, "attention.head_count_kv")
    queries = _number(info, "attention.head_count")
    length = _number(info, "embedding_length") // queries if queries else 0
    key = _number(info, "attention.key_length") or length
    value = _number(info, "attention.value_length") or length
    per_layer = info.get(f"{info.get('general.architecture', '')}.attention.head_count_kv")
    all_heads = sum(per_layer) if isinstance(per_layer, list) else layers * heads
    return CACHE_BYTES_PER_VALUE * all_heads * (key + value)


def _number(info: Mapping[str, Any], name: str) -> int:
    """Give a number of the model's architecture, 0 where it is not told."""
    value = info.get(f"{info.get('general.architecture', '')}.{name}", 0)
    return int(value) if isinstance(value, int | float) else 0
