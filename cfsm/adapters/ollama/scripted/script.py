"""What a scripted model says, and how it fails: the reactions of a script."""

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

DEFAULT_KEEP_ALIVE_SECONDS = 300.0
LONG_CHARACTERS = 1_000_000
"""Longer texts are cut into pieces of four characters: nobody counts their tokens."""

TOKEN = re.compile(r"\s?\w{1,5}|\s?[^\w\s]|\s+")


@dataclass
class Reaction:
    """What a model does once."""

    say: str = ""
    say_file: str = ""
    json: object = None
    form: object = None
    thinking: str = ""
    when: str = ""
    repeat: int = 1
    megabytes: float = 0.0
    pause: float = 0.0
    wait: float = 0.0
    piece: int = 24
    status: int = 200
    error: str = ""
    unbounded: bool = False
    end: str = "stop"


@dataclass
class Model:
    """A model on the server."""

    name: str
    reactions: list[Reaction] = field(default_factory=list)
    size: int = 2_000_000_000
    family: str = "llama"
    parameter_size: str = "3.2B"
    quantization: str = "Q4_K_M"
    context_length: int = 131072
    layers: int = 32
    heads: int = 8
    head_length: int = 128
    can_think: bool = False
    load_seconds: float = 0.0
    digest: str = ""
    used: int = 0
    loaded_context: int = 0
    expires_at: float = 0.0

    def __post_init__(self) -> None:
        """Give it a digest of its own, and room for one answer at a time."""
        self.digest = self.digest or hashlib.sha256(self.name.encode()).hexdigest()
        self.slots = asyncio.Semaphore(1)

    def reaction(self, prompt: str) -> Reaction:
        """Give the first reaction whose ``when`` matches, else the next unconditional one."""
        for reaction in self.reactions:
            if reaction.when and re.search(reaction.when, prompt, re.IGNORECASE | re.DOTALL):
                return reaction
        plain = [reaction for reaction in self.reactions if not reaction.when]
        if not plain:
            return Reaction(say="I have nothing to say.")
        reaction = plain[min(self.used, len(plain) - 1)]
        self.used += 1
        return reaction

    @property
    def details(self) -> dict[str, Any]:
        """Give what the server tells of a model in every list."""
        return {
            "parent_model": "",
            "format": "gguf",
            "family": self.family,
            "families": [self.family],
            "parameter_size": self.parameter_size,
            "quantization_level": self.quantization,
        }


@dataclass
class Seen:
    """A request, and how it ended: ``answered``, ``failed``, ``cancelled`` or ``running``."""

    path: str
    body: dict[str, Any]
    prompt: str = ""
    prompt_tokens: int = 0
    sent_characters: int = 0
    ended: str = "running"


def tokens(text: str) -> int:
    """Count tokens roughly as a small model's tokeniser does."""
    return len(TOKEN.findall(text))


def cut_to(text: str, limit: int) -> str:
    """Drop the middle of a text that has more tokens than the context, as the server does without a word."""
    pieces = TOKEN.findall(text)
    if len(pieces) <= limit:
        return text
    keep = limit // 2
    return "".join(pieces[:keep]) + "".join(pieces[-(limit - keep) :])


def smallest(schema: Mapping[str, Any]) -> Any:
    """Give the smallest instance of a JSON schema: what a grammar at least enforces."""
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        names = schema.get("required", list(schema.get("properties", {})))
        return {name: smallest(schema.get("properties", {}).get(name, {"type": "string"})) for name in names}
    if kind == "array":
        return [smallest(schema.get("items", {"type": "string"}))] * schema.get("minItems", 0)
    if kind in {"number", "integer"}:
        return schema.get("minimum", 0)
    return {"string": "", "boolean": False}.get(kind)


def is_json(text: str) -> bool:
    """Say whether a text is JSON as a whole."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def moment(seconds: float) -> str:
    """Give a moment (seconds since 1970) as Go writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def limited(text: str, room: int) -> tuple[list[str], bool]:
    """Give the tokens of a text that fit, and whether it was cut."""
    pieces = TOKEN.findall(text) if len(text) < LONG_CHARACTERS else [text[i : i + 4] for i in range(0, len(text), 4)]
    return (pieces[: max(room, 0)], True) if len(pieces) > room else (pieces, False)


def keep_alive_seconds(value: object) -> float:
    """Read Ollama's keep_alive: seconds, or a duration such as ``5m``; below 0 is for ever."""
    if value is None:
        return DEFAULT_KEEP_ALIVE_SECONDS
    if isinstance(value, int | float):
        return float(value)
    found = re.fullmatch(r"(-?\d+(?:\.\d+)?)(ms|s|m|h)?", str(value).strip())
    if not found:
        return DEFAULT_KEEP_ALIVE_SECONDS
    unit = timedelta(
        **{{"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours"}[found[2] or "s"]: float(found[1])}
    )
    return unit.total_seconds()
