"""Verdicts: what the log says of each evaluation that ended, taken from its events and nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson

from cfsm.application.history import Happening
from cfsm.application.ports import Blobs
from cfsm.domain.evaluation import Conditions, Evaluation, Identity, Kind
from cfsm.domain.strategy import Strategy
from cfsm.domain.trades import BadTrade, Trade, trades_from

BACKTESTED, BROKEN = "backtested", "broken"
"""The verdicts of a backtest: it has figures, or the engine could not run the strategy to its end."""

CODE, PARAMETERS, TRADES, EQUITY_CURVE = "code", "parameters", "trades", "equity_curve"
"""The blobs that a verdict rests on."""

NO_PARAMETERS = sha256(b"").hexdigest()
"""What an identity holds as the hash of the parameters where there are none."""


@dataclass(frozen=True)
class RecordedVerdict:
    """A verdict as the log has it. ``identity`` is None for a backtest that broke: no event keeps it.

    ``parameters_hash`` is empty where the strategy ran with its own values. ``epoch_blobs`` hold the epochs of
    an optimisation.
    """

    run_id: str
    kind: Kind
    strategy_name: str
    at: datetime
    conditions: Conditions
    code_hash: str
    parameters_hash: str
    verdict: str
    identity: Identity | None
    result_hash: str
    figures: Mapping[str, Any]
    findings: Sequence[Mapping[str, Any]]
    blobs: Mapping[str, str]
    epoch_blobs: Sequence[str] = ()

    @property
    def spaces(self) -> Sequence[str]:
        """The spaces that an optimisation searched."""
        order: Mapping[str, Any] = self.figures.get("order", {})
        return tuple(order.get("spaces", ()))


def verdicts_of(happenings: Iterable[Happening]) -> list[RecordedVerdict]:
    """Give the verdicts among the events of a strategy and of its runs, in the order in which they were made.

    A run that was called off has none.
    """
    begun: dict[str, Mapping[str, Any]] = {}
    parameters_hash = ""
    records = []
    for happening in sorted(happenings, key=lambda happening: happening.id):
        facts, run_id = happening.facts, happening.originator_id
        match happening.topic:
            case Strategy.Optimized.TOPIC:
                parameters_hash = facts["parameters_hash"]
            case Evaluation.Started.TOPIC:
                begun[run_id] = {**facts, "parameters_hash": parameters_hash}
            case Evaluation.Resumed.TOPIC if facts.get("conditions"):
                begun[run_id] = {**begun[run_id], "conditions": facts["conditions"]}
            case Evaluation.EpochsTried.TOPIC:
                kept = begun[run_id].get("epoch_blobs", ())
                begun[run_id] = {**begun[run_id], "epoch_blobs": (*kept, facts["blobs"]["epochs"])}
            case Evaluation.Completed.TOPIC:
                records.append(_completed(happening, begun[run_id]))
            case Evaluation.Failed.TOPIC if facts["findings"]:
                records.append(_broken(happening, begun[run_id]))
    return records


def _completed(happening: Happening, begun: Mapping[str, Any]) -> RecordedVerdict:
    facts = happening.facts
    identity = Identity(**facts["identity"])
    used = "" if identity.parameters_hash == NO_PARAMETERS else identity.parameters_hash
    return _record(
        happening,
        begun,
        parameters_hash=used,
        verdict=facts["verdict"],
        identity=identity,
        result_hash=facts["result_hash"],
        figures=facts["figures"],
        blobs=facts["blobs"],
    )


def _broken(happening: Happening, begun: Mapping[str, Any]) -> RecordedVerdict:
    return _record(
        happening,
        begun,
        parameters_hash=begun["parameters_hash"],
        verdict=BROKEN,
        identity=None,
        result_hash="",
        figures={},
        blobs={},
    )


def _record(happening: Happening, begun: Mapping[str, Any], **facts: Any) -> RecordedVerdict:
    conditions = begun["conditions"]
    return RecordedVerdict(
        run_id=happening.originator_id,
        kind=Kind(begun["kind"]),
        strategy_name=begun["strategy_name"],
        at=happening.at,
        conditions=Conditions(**{**conditions, "pairs": tuple(conditions["pairs"])}),
        code_hash=begun["code_hash"],
        findings=happening.facts["findings"],
        epoch_blobs=begun.get("epoch_blobs", ()),
        **facts,
    )


def stored_trades(record: RecordedVerdict, blobs: Blobs) -> tuple[Trade, ...]:
    """Give the trades of a backtest. Raise BadTrade for what are none, BlobMissing, BlobCorrupted or Misconfigured."""
    try:
        mappings = orjson.loads(blobs.get(record.blobs[TRADES]))
        return trades_from(mappings)
    except (KeyError, TypeError, AttributeError, orjson.JSONDecodeError) as error:
        raise BadTrade(f"The blob of the trades holds no list of trades: {error}") from error
