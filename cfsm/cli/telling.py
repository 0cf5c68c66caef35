"""Events in words: one line each."""

from collections.abc import Callable, Mapping
from typing import Any

from cfsm.application.history import Happening
from cfsm.cli.output import figure, printable

Words = Callable[[Mapping[str, Any]], str]


def _findings(facts: Mapping[str, Any]) -> str:
    return "; ".join(f"{each['code']}: {each['message']}" for each in facts.get("findings", ()))


def _backtested(facts: Mapping[str, Any]) -> str:
    figures = facts["figures"]
    return (
        f"{facts['timerange']}: {figures.get('total_trades')} trades, "
        f"daily Sharpe {figure(figures.get('sharpe_daily'))}, result {facts['result_hash'][:12]}"
    )


WORDS: Mapping[str, Words] = {
    "Generation.Requested": lambda f: f"{f['strategy_type']}, {f['mode']}, seed {f['seed']}: {f['why']}",
    "Generation.Concluded": lambda f: f"gave {f['strategy_name']}",
    "Generation.Failed": lambda f: f["reason"],
    "Strategy.Generated": lambda f: f"{f['name']} ({f['origin']}, {f['model_used']}), code {f['code_hash'][:12]}",
    "Strategy.Validated": lambda f: f"run {f['run_id'][:8]} {_findings(f)}".rstrip(),
    "Strategy.BacktestRequested": lambda f: f["why"],
    "Strategy.Backtested": _backtested,
    "Strategy.Optimized": lambda f: f"parameters {f['parameters_hash'][:12]}",
    "Strategy.DryRunStarted": lambda f: f["source"],
    "Strategy.Retired": lambda f: f"{f['reason']}: {f['detail']}",
    "Strategy.ResultCameLate": lambda f: f"{f['kind']} {f['run_id'][:8]}",
    "Strategy.TwinFound": lambda f: f"trades exactly as {f['twin']}",
    "Evaluation.Started": lambda f: f"{f['kind']} of {f['strategy_name']} on {f['conditions']['dataset']}",
    "Evaluation.Resumed": lambda f: f"attempt {f['attempt']}",
    "Evaluation.StageReached": lambda f: f"{f['stage']} {f['percent']} %",
    "Evaluation.Completed": lambda f: f"{f['verdict']} in {f['seconds']} s {_findings(f)}".rstrip(),
    "Evaluation.Failed": lambda f: f"{f['reason']} {_findings(f)}".rstrip(),
    "Cleaning.Requested": lambda f: f["why"],
    "Cleaning.Done": lambda f: f"retired {len(f['retired'])}, kept {f['kept']}",
    "ParkedTask.Parked": lambda f: f"{f['key']} after {f['attempts']} attempts: {f['error']}",
    "ParkedTask.Released": lambda _: "to be tried again",
    "ParkedTask.ParkedAgain": lambda f: f"after {f['attempts']} attempts: {f['error']}",
}
"""How each event reads; an event that is not in the table is shown by its name alone."""


def in_words(happening: Happening) -> str:
    """Give the event as a line: place, time, name, what it says, and who did it."""
    tell = WORDS.get(happening.topic)
    words = tell(happening.facts) if tell else ""
    at = happening.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return printable(f"{happening.id:>7}  {at}  {happening.topic:<26}  {words}  [{happening.meta.get('actor', '')}]")
