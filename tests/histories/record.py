"""Records a history with today's events: ``python -m tests.histories.record NAME``. What is recorded is never changed.

NAME.jsonl is the log, an entry a line; NAME.states.json what the aggregates are at its end. Whatever the code becomes,
it reads every history that was ever recorded and comes to the same states: tests/unit/application/test_histories.py.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from cfsm.application.event_mapper import EventMapper
from cfsm.domain.evaluation import Stage
from cfsm.domain.forward_test import Source
from cfsm.domain.log import LogEntry
from cfsm.domain.strategy import IntakeAccount, Reason
from tests.fakes.forward_tests import BEGIN_MS, HOUR_MS, conclude, forward_test
from tests.fakes.story import Story, figures

ACCOUNT = IntakeAccount(
    "answer.txt",
    "source",
    ["fence"],
    [{"name": "np_nan", "line": 3, "detail": "np.nan", "is_advice": False}],
    {"original": "hash"},
)
FOLDER = Path(__file__).parent


def everything() -> Story:
    """Tell a story in which every event of today happens."""
    story = Story()
    generation = story.request("slot-1")
    strategy = story.generate(generation=generation, parents=["VolatilityStrategy_phi3_20251231_000000"])
    validation = story.validate(strategy)
    story.reach(story.start(strategy, key="interrupted"), Stage.LOADING_DATA)
    interrupted = story.start(strategy, key="twice")
    story.reach(interrupted, Stage.BACKTESTING)
    story.resume(interrupted)
    story.complete(interrupted)
    backtest = story.backtest(strategy)
    story.opine(strategy, str(backtest.id))
    strategy.request_backtest("due at 10:00", story.stamp(str(strategy.id)))
    story.record(strategy)
    story.backtest(strategy, figures(0.05), key="2")
    story.note_twin(strategy, "MomentumStrategy_phi3_20260101_000001")
    story.request_optimization(strategy)
    story.keep_as_it_was(strategy, story.try_epochs(strategy))
    story.optimize(strategy)
    story.start_dry_run(strategy)
    test = story.forward(strategy)
    conclude(test, story.stamp())
    broken_test = forward_test(strategy.name, number=2, stamp=story.stamp())
    broken_test.fail("its bot died", [{"code": "dies", "message": "its bot died"}], story.stamp())
    live_test = forward_test(strategy.name, number=3, source=Source.LIVE, stamp=story.stamp())
    live_test.was_away(BEGIN_MS, BEGIN_MS + HOUR_MS, story.stamp())
    live_test.fail("called off", (), story.stamp())
    story.record(test, broken_test, live_test)
    story.upstream()
    story.retire(strategy, Reason.WORSE_THAN_PROMISED, sharpe_daily=-1.5)
    strategy.record_backtest(str(validation.id), "20250101-", "late", figures(None), story.stamp())
    story.record(strategy)
    nothing = story.request("slot-2")
    nothing.fail("no model answers", story.stamp())
    story.record(nothing)
    added = story.generate("OwnStrategy")
    added.note_intake(ACCOUNT, story.stamp(str(added.id)))
    story.record(added)
    broken = story.generate("ScalpingStrategy_phi3_20260101_000002", strategy_type="scalping")
    story.fail(story.start(broken))
    story.retire(broken, Reason.INVALID)
    parked = story.park()
    parked.release(story.stamp())
    parked.park_again(6, "still no memory", story.stamp())
    story.record(parked)
    story.converse()
    cleaning = story.clean()
    cleaning.finish([broken.name], 1, story.stamp())
    story.record(cleaning)
    return story


def lines(entries: Iterable[LogEntry]) -> bytes:
    """Give entries as JSON lines."""
    return b"".join(
        orjson.dumps({**entry._asdict(), "state": orjson.loads(entry.state)}, option=orjson.OPT_APPEND_NEWLINE)
        for entry in entries
    )


def entries_of(path: Path) -> Iterator[LogEntry]:
    """Give the entries of a recorded history."""
    for line in path.read_bytes().splitlines():
        facts = orjson.loads(line)
        yield LogEntry(**{**facts, "state": orjson.dumps(facts["state"])})


def states(entries: Iterable[LogEntry]) -> dict[str, Any]:
    """Give what the aggregates are after these entries, by id."""
    mapper, found = EventMapper(), {}
    for entry in entries:
        found[entry.originator_id] = mapper.event_of(entry).mutate(found.get(entry.originator_id))
    return {key: {"kind": type(each).__name__, **_facts(each)} for key, each in found.items()}


def _facts(aggregate: Any) -> dict[str, Any]:
    facts = {name.lstrip("_"): value for name, value in vars(aggregate).items() if name != "_pending_events"}
    return orjson.loads(orjson.dumps(facts))


def main(name: str) -> None:
    log, ends = FOLDER / f"{name}.jsonl", FOLDER / f"{name}.states.json"
    if log.exists():
        sys.exit(f"{log} is recorded already, and what is recorded is never changed: choose another name")
    entries = everything().log.entries
    log.write_bytes(lines(entries))
    ends.write_bytes(orjson.dumps(states(entries), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


if __name__ == "__main__":
    main(sys.argv[1])
