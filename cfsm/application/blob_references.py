"""Which blobs an event refers to."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from cfsm.domain.log import LogEntry

HASHES = ("code_hash", "parameters_hash")
"""Facts that are the hash of a blob."""

NAMED = "blobs"
"""The fact that maps names to hashes of blobs."""

_SIGNS = [f'"{name}"'.encode() for name in (*HASHES, NAMED)]


def blobs_of(entry: LogEntry) -> Iterator[str]:
    """Give the hashes of the blobs that an event refers to: its code, its parameters, and what ``blobs`` names."""
    if not any(sign in entry.state for sign in _SIGNS):
        return
    facts: Mapping[str, Any] = orjson.loads(entry.state)
    for name in HASHES:
        if facts.get(name):
            yield facts[name]
    for holder in (facts, facts.get("facts")):
        named = holder.get(NAMED) if isinstance(holder, dict) else None
        if isinstance(named, dict):
            yield from filter(None, named.values())
