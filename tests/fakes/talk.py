"""What is said in a generation: plain values for its events, each with the facts that a test does not care about."""

from dataclasses import asdict
from typing import Any

from cfsm.domain.conversation import Execution, FailedOpinion, Opinion, Plan, Proposal, Screening, Step

PLAN = Plan(
    mode="voting",
    channel="source",
    writers=["phi3:mini", "cogito:8b"],
    strongest=["cogito:8b", "phi3:mini"],
    repairers=[],
    fallbacks=["phi3:mini"],
    samples=1,
    rounds=3,
    screening={"dataset": "synth-1", "timerange": "20250101-20250301"},
)
ANSWER = {
    "digest": "4f22",
    "done_reason": "stop",
    "prompt_tokens": 800,
    "answer_tokens": 500,
    "characters": 1900,
    "seconds": 41.5,
    "load_seconds": 2.0,
    "prompt_seconds": 1.5,
    "answer_seconds": 38.0,
    "blobs": {"answer": "hash of the answer", "thinking": "hash of thoughts"},
}
FAILED_ANSWER = {
    "digest": "a1b2",
    "reason": "timed_out",
    "detail": "cogito:8b needed more than 600 s",
    "prompt_tokens": 800,
    "answer_tokens": 0,
    "characters": 120,
    "seconds": 600.0,
    "blobs": {"answer": "hash of what had come"},
}
REPAIR = {"name": "roi_keys", "line": 9, "detail": "keys are text", "is_advice": False}
FINDING = {"code": "NO_TRADES", "message": "It never trades", "line": None, "what_to_do": "Loosen the conditions."}


def step(name: str, **others: Any) -> Step:
    proposal, _, number = name.partition("/")
    facts = {
        "step": name,
        "proposal": proposal,
        "purpose": "write",
        "round": int(number) if number.isdigit() else 0,
        "channel": "source",
        "model": "phi3:mini",
        "prompt_name": "write-source",
        "prompt_version": "1",
        "prompt_hash": "hash of the prompt's file",
        "examples": [],
        "seed": 7,
        "num_ctx": 4096,
        "num_predict": 1600,
        "temperature": 0.7,
        "format": "text",
        "complexity": "normal",
        "limit_seconds": 600.0,
        "blobs": {"prompt": "hash of the messages"},
    }
    return Step(**{**facts, **others})


def proposal(name: str, **others: Any) -> Proposal:
    facts = {
        "step": name,
        "proposal": name.partition("/")[0],
        "round": 0,
        "channel": "source",
        "model": "phi3:mini",
        "class_name": "Proposal",
        "code_hash": "hash of the code",
        "normalised_hash": "hash of its form",
        "extraction": ["fence"],
        "repairs": [REPAIR],
        "findings": [],
        "duplicate_of": "",
    }
    return Proposal(**{**facts, **others})


def execution(name: str, **others: Any) -> Execution:
    facts = {
        "step": name,
        "verdict": "accepted",
        "findings": [],
        "signals": {"enter_long": 12},
        "timeframe": "15m",
        "engine": "freqtrade-2026.9/stock/1",
        "seconds": 0.4,
    }
    return Execution(**{**facts, **others})


def screening(name: str, **others: Any) -> Screening:
    facts = {
        "step": name,
        "outcome": "traded",
        "findings": [],
        "dataset": "synth-1",
        "timerange": "20250101-20250301",
        "figures": {"total_trades": 20, "sharpe_daily": 0.5},
        "result_hash": "hash of the trades",
        "engine": "freqtrade-2026.9/stock/1",
        "seconds": 0.9,
    }
    return Screening(**{**facts, **others})


def opinion(run_id: str, **others: Any) -> Opinion:
    facts = {
        "run_id": run_id,
        "model": "cogito:8b",
        "digest": "a1b2",
        "prompt_name": "opinion",
        "prompt_version": "1",
        "prompt_hash": "hash of the prompt's file",
        "opinion": {"diagnosis": "It trades too often.", "changes": []},
        "prompt_tokens": 600,
        "answer_tokens": 90,
        "seconds": 12.0,
        "blobs": {"prompt": "hash of the messages", "answer": "hash of the answer"},
    }
    return Opinion(**{**facts, **others})


def failed_opinion(run_id: str, **others: Any) -> FailedOpinion:
    facts = {name: fact for name, fact in asdict(opinion(run_id)).items() if name != "opinion"}
    given = {"model": "phi3:mini", "reason": "tells_none", "detail": "the answer tells none"}
    return FailedOpinion(**{**facts, **given, **others})
