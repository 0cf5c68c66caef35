"""A conversation as lineage keeps it: what each step asked of whom, and what came of it, by the hashes of its texts."""

from collections.abc import Callable, Mapping
from typing import Any

from cfsm.domain.aggregate import RecordedEvent
from cfsm.domain.generation import Generation
from cfsm.projections.base import Facts

Told = dict[str, Any]


def _asked(facts: Facts) -> Told:
    names = ("purpose", "model", "prompt_name", "prompt_version", "prompt_hash", "seed", "examples")
    return {**{name: facts[name] for name in names}, "texts": dict(facts["blobs"])}


def _proposed(facts: Facts) -> Told:
    repairs = [each["name"] for each in facts["repairs"]]
    return {
        "code_hash": facts["code_hash"],
        "repairs": repairs,
        "findings": [each["code"] for each in facts["findings"]],
    }


TELL: Mapping[type[RecordedEvent], Callable[[Facts], Told]] = {
    Generation.Asked: _asked,
    Generation.Answered: lambda facts: {
        "tokens": facts["answer_tokens"],
        "seconds": facts["seconds"],
        "digest": facts["digest"],
        "texts": dict(facts["blobs"]),
    },
    Generation.AnswerFailed: lambda facts: {
        "failure": facts["reason"],
        "seconds": facts["seconds"],
        "texts": dict(facts["blobs"]),
    },
    Generation.Proposed: _proposed,
    Generation.Executed: lambda facts: {
        "verdict": facts["verdict"],
        "findings": [each["code"] for each in facts["findings"]],
    },
    Generation.Screened: lambda facts: {
        "screening": facts["outcome"],
        "score": facts["figures"].get("sharpe_daily"),
        "trades": facts["figures"].get("total_trades"),
    },
    Generation.Voted: lambda facts: {"choice": facts["choice"], "reason": facts["reason"]},
    Generation.Judged: lambda facts: {"choice": facts["choice"], "reason": facts["reason"]},
}
"""What each event says of its step."""


def with_told(conversation: Mapping[str, Told], step: str, told: Told) -> dict[str, Told]:
    """Give the conversation with what an event says of a step: the texts are gathered, all else is the last word."""
    before = conversation.get(step, {})
    texts = {**before.get("texts", {}), **told.get("texts", {})}
    return {**conversation, step: {**before, **told, **({"texts": texts} if texts else {})}}
