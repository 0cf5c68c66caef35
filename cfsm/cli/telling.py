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


def _mended(facts: Mapping[str, Any], before: str = ", ") -> str:
    names = ", ".join(each["name"] for each in facts["repairs"] if not each["is_advice"])
    return f"{before}mended: {names}" if names else ""


def _proposed(facts: Mapping[str, Any]) -> str:
    same = f"the same code as {facts['duplicate_of']}" if facts["duplicate_of"] else ""
    said = (_mended(facts, ""), same, _findings(facts))
    return f"{facts['step']}: {'; '.join(filter(None, said)) or 'worth running'}"


def _screened(facts: Mapping[str, Any]) -> str:
    trades = facts["figures"].get("total_trades")
    counted = (
        "" if trades is None else f", {trades} trades, daily Sharpe {figure(facts['figures'].get('sharpe_daily'))}"
    )
    return f"{facts['step']}: {facts['outcome']} on {facts['timerange']}{counted} {_findings(facts)}".rstrip()


def _observed(facts: Mapping[str, Any]) -> str:
    figures = facts["figures"]
    return f"{figures['total_trades']} trades in {figures['days']:g} days, profit {figures['profit_total']:.2%}"


def _epochs(facts: Mapping[str, Any]) -> str:
    epochs = facts["epochs"]
    best = min((each["loss"] for each in epochs), default=None)
    return f"epochs {epochs[0]['number']} to {epochs[-1]['number']}, least loss {figure(best)}, {facts['seconds']} s"


WORDS: Mapping[str, Words] = {
    "Generation.Requested": lambda f: f"{f['strategy_type']}, {f['mode']}, seed {f['seed']}: {f['why']}",
    "Generation.Planned": lambda f: f"{f['mode']} of {', '.join(f['writers'])}, {f['channel']}",
    "Generation.Resumed": lambda f: f"attempt {f['attempt']}, {f['answers_kept']} answers kept",
    "Generation.Asked": lambda f: (
        f"{f['step']}: {f['model']} to {f['purpose']}, prompt {f['prompt_name']} {f['prompt_version']}, "
        f"at most {f['limit_seconds']:.0f} s"
    ),
    "Generation.Answered": lambda f: (
        f"{f['step']}: {f['answer_tokens']} tokens in {f['seconds']:.1f} s ({f['prompt_tokens']} of the prompt)"
    ),
    "Generation.AnswerFailed": lambda f: f"{f['step']}: {f['reason']} after {f['seconds']:.1f} s: {f['detail']}",
    "Generation.Proposed": _proposed,
    "Generation.Executed": lambda f: f"{f['step']}: {f['verdict']} {_findings(f)}".rstrip(),
    "Generation.Screened": _screened,
    "Generation.Voted": lambda f: f"{f['voter']} for {f['choice'] or 'nobody'}: {f['reason']}",
    "Generation.Judged": lambda f: (
        f"{f['judge']} of {' and '.join(f['shown'])} for {f['choice'] or 'neither'}: {f['reason']}"
    ),
    "Generation.FellBack": lambda f: f"from {f['kind']} {f['before']} to {f['after']}: {f['reason']}",
    "Generation.Decided": lambda f: f"{f['winner'] or 'nobody'} wins, decided by {f['decided_by']}",
    "Generation.Concluded": lambda f: f"gave {f['strategy_name']}",
    "Generation.Failed": lambda f: f["reason"],
    "Strategy.Generated": lambda f: f"{f['name']} ({f['origin']}, {f['model_used']}), code {f['code_hash'][:12]}",
    "Strategy.TakenIn": lambda f: f"from {f['file']}{_mended(f)}",
    "Strategy.Validated": lambda f: f"run {f['run_id'][:8]} {_findings(f)}".rstrip(),
    "Strategy.BacktestRequested": lambda f: f["why"],
    "Strategy.Backtested": _backtested,
    "Strategy.OptimizationRequested": lambda f: f"{f['epochs']} epochs in {', '.join(f['spaces'])}: {f['why']}",
    "Strategy.KeptAsItWas": lambda f: f["why"],
    "Strategy.Optimized": lambda f: f"parameters {f['parameters_hash'][:12]}",
    "Strategy.DryRunStarted": lambda f: f["source"],
    "Strategy.Retired": lambda f: f"{f['reason']}: {f['detail']}",
    "Strategy.ResultCameLate": lambda f: f"{f['kind']} {f['run_id'][:8]}",
    "Strategy.TwinFound": lambda f: f"trades exactly as {f['twin']}",
    "Strategy.OpinionRequested": lambda f: f"of run {f['run_id'][:8]}",
    "Strategy.OpinionNoted": lambda f: f"{f['model']} holds: {f['opinion'].get('diagnosis', '')}",
    "Strategy.OpinionFailed": lambda f: f"{f['model']}: {f['reason']}",
    "Evaluation.Started": lambda f: f"{f['kind']} of {f['strategy_name']} on {f['conditions']['dataset']}",
    "Evaluation.Resumed": lambda f: f"attempt {f['attempt']}",
    "Evaluation.StageReached": lambda f: f"{f['stage']} {f['percent']} %",
    "Evaluation.EpochsTried": _epochs,
    "Evaluation.Completed": lambda f: f"{f['verdict']} in {f['seconds']} s {_findings(f)}".rstrip(),
    "Evaluation.Failed": lambda f: f"{f['reason']} {_findings(f)}".rstrip(),
    "Cleaning.Requested": lambda f: f["why"],
    "Cleaning.Done": lambda f: f"retired {len(f['retired'])}, kept {f['kept']}",
    "ForwardTest.Requested": lambda f: f"{f['strategy_name']} on {f['source']}: {f['why']}",
    "ForwardTest.Started": lambda f: f["engine"],
    "ForwardTest.Resumed": lambda f: f"attempt {f['attempt']}",
    "ForwardTest.Observed": _observed,
    "ForwardTest.Away": lambda f: f"no bot watched for {(f['end_ms'] - f['begin_ms']) / 1_000:,.0f} s",
    "ForwardTest.StopRequested": lambda f: f["why"],
    "ForwardTest.Concluded": lambda f: f"{f['verdict']}: {f['detail']}",
    "ForwardTest.Failed": lambda f: f["reason"],
    "Upstream.Watched": lambda f: f["address"],
    "Upstream.BreakerOpened": lambda f: f"for {f['seconds']:g} s: {f['why']}",
    "Upstream.BreakerHalfOpened": lambda _: "tried again",
    "Upstream.BreakerClosed": lambda _: "answers again",
    "Upstream.Banned": lambda f: f"status {f['status']}, for {f['seconds']:g} s",
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
