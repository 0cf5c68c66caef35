"""Epochs asked of an engine: tried so that one that breaks keeps no other from its turn; and tried again."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from cfsm.application.ports import Blobs, BrokenStrategy, HyperoptEngine, Report
from cfsm.application.verdicts import RecordedVerdict
from cfsm.domain.evaluation import Job
from cfsm.domain.hyperopt import Candidate, Epoch


def try_each(
    engine: HyperoptEngine, job: Job, spaces: Sequence[str], candidates: Sequence[Candidate], report: Report
) -> list[Epoch]:
    """Try candidates in one sandbox; where that breaks, each in one of its own."""
    if not candidates:
        return []
    try:
        return list(engine.try_epochs(job, spaces, candidates, report))
    except BrokenStrategy as error:
        if len(candidates) == 1:
            return [Epoch({}, {}, "", tuple(error.findings))]
        return [epoch for each in candidates for epoch in try_each(engine, job, spaces, [each], report)]


def epochs_again(
    record: RecordedVerdict, job: Job, engine: HyperoptEngine, blobs: Blobs, report: Report
) -> Iterator[tuple[str, Any, Any]]:
    """Try the epochs of an optimisation again, and give what came out otherwise: what, as recorded, as found."""
    for blob_hash in record.epoch_blobs:
        kept = [each for each in orjson.loads(blobs.get(blob_hash)) if not each["repeats"]]
        found = try_each(engine, job, record.spaces, [each["candidate"] for each in kept], report)
        for was, now in zip(kept, found, strict=True):
            for name, recorded, again in (
                ("trades", was["result_hash"], now.result_hash),
                ("parameters", was["parameters"], now.parameters),
            ):
                if recorded != again:
                    yield f"epoch {was['number']}: {name}", recorded, again
