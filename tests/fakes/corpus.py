"""The labelled answers that may lie beside the repository, and what the intake and the forge make of each."""

import json
from pathlib import Path

from cfsm.adapters.blueprint import render
from cfsm.adapters.market_data import DatasetStore
from cfsm.application.intake import Outcome, candidates
from cfsm.domain.evaluation import Conditions, Job, Limits, Verdict
from cfsm.domain.intake.code import Wanted

SHARED = Path(__file__).parents[3] / "shared"
CORPORA = SHARED / "corpora"
CANDLES = SHARED / "data" / "binance"
PAIRS = ("BTC/USDT:USDT", "ETH/USDT:USDT")
LIMITS = Limits(wall_seconds=240, cpu_seconds=30)
LABELS = {
    "valid": Outcome.ACCEPTED,
    "repairable": Outcome.REPAIRED,
    "needs_llm": Outcome.REJECTED,
    "reject": Outcome.REJECTED,
    "unsafe": Outcome.UNSAFE,
}
WORKS = {Outcome.ACCEPTED, Outcome.REPAIRED}


def rows(name):
    path = CORPORA / name
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def import_candles(folder):
    markets = SHARED / "data" / "api" / "ccxt_markets.binance-usdm.json"
    DatasetStore(folder).import_folder(CANDLES, "real", pairs=PAIRS, markets_file=markets)


def labelled(row):
    """What should come out: what is valid by itself and knows the future, or takes gross risks, is rejected."""
    outcome = LABELS[row["expect"]["outcome"]]
    return outcome if row["expect"]["accept"] or outcome is Outcome.UNSAFE else Outcome.REJECTED


def judged(engine, row):
    """Take an answer in as ``cfsm intake`` does; give the outcome and the codes of what was found."""
    (candidate,) = candidates(row["id"], row["completion"].encode(), render, Wanted(row["class_name"]))
    if candidate.taken.findings:
        return candidate.outcome(Verdict.REJECTED), [found.code for found in candidate.taken.findings]
    timerange = "20250801-20251001" if "20250801" in row["verified"] else "20250901-20250929"
    conditions = Conditions(dataset="real", timerange=timerange, stake_amount=100.0)
    job = Job(row["id"], row["class_name"], candidate.source, conditions, limits=LIMITS)
    outcome = engine.validate(job, lambda *_: None)
    return candidate.outcome(outcome.verdict), [found.code for found in outcome.findings]
