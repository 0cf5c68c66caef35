"""``cfsm forge``: validate and backtest files of one's own, without the factory; and how the forge is."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import rich_click as click

from cfsm.application.ports import BrokenStrategy, Engine, Report
from cfsm.application.strategy_files import MAX_FILE_BYTES, StrategyFile
from cfsm.bootstrap import House
from cfsm.cli.data import open_dataset
from cfsm.cli.output import (
    as_json,
    figure,
    print_facts,
    print_json,
    print_json_line,
    print_table,
    printable,
    talk,
)
from cfsm.cli.working_off import Answer, refused, work_off
from cfsm.domain.evaluation import BacktestOutcome, Conditions, Job, Limits, Verdict
from cfsm.domain.figures import FIGURES, in_words
from cfsm.domain.metrics import measure

if TYPE_CHECKING:
    from cfsm.adapters.market_data import Dataset

FILES = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)

_MOST_LINES = 10
"""Of the log, for people."""

WITHIN = click.option(
    "--timeout",
    "timeout_seconds",
    type=click.FloatRange(min=1, max=86_400),
    help="Seconds after which a run is ended. [default: the configured ones]",
)


@click.group()
def forge() -> None:
    """Validate and backtest files of your own, without the factory, and show how the forge is.

    The forge executes strategies in a sandbox. The one of the running factory is used, before its queue; where none
    runs, one is started for as long as the command takes.
    """


@forge.command()
@click.argument("files", nargs=-1, required=True, type=FILES)
@click.option("--dataset", help="On which candles. [default: the configured ones]")
@click.option(
    "--second-opinion",
    is_flag=True,
    help="Look closer, and have Freqtrade's lookahead-analysis and recursive-analysis look too: slow.",
)
@WITHIN
@as_json
@click.pass_obj
def validate(
    house: House,
    files: tuple[Path, ...],
    dataset: str | None,
    second_opinion: bool,
    timeout_seconds: float | None,
    as_json: bool,
) -> int:
    """Validate strategy files by executing them in the sandbox; nothing is recorded.

    Every file gets a verdict: accepted, rejected, or unsafe; and findings with a code, a line and what to do.
    With --json one line of JSON is printed for each file. The exit code is 0 if all are accepted.

    \b
    Examples:
      cfsm forge validate MyStrategy.py
      cfsm forge validate --json strategies/*.py
      cfsm forge validate --second-opinion MyStrategy.py
    """
    conditions = replace(house.conditions, dataset=dataset or house.conditions.dataset)
    open_dataset(house, conditions.dataset)
    limits = _limits(house.limits if second_opinion else house.validation_limits, timeout_seconds)

    def ask(engine: Engine, path: Path, file: StrategyFile, report: Report) -> Answer:
        look = engine.second_opinion if second_opinion else engine.validate
        outcome = look(_job(path, file, conditions, limits), report)
        if file.finding is not None and outcome.verdict is not Verdict.UNSAFE:
            return refused(path, (file.finding,))
        return {
            "file": str(path),
            "verdict": outcome.verdict.value,
            "findings": [asdict(finding) for finding in outcome.findings],
            "seconds": outcome.seconds,
            "strategy": None if file.finding else file.name,
            "timeframe": outcome.timeframe,
            "signals": dict(outcome.signals),
            "microseconds_per_candle": outcome.microseconds_per_candle,
            "engine": outcome.identity.engine,
        }

    show = print_json_line if as_json else _show_verdict
    return work_off(house, files, ask, show)


def _show_verdict(answer: Answer) -> None:
    signals = ", ".join(f"{count} {name}" for name, count in answer.get("signals", {}).items() if count)
    click.echo(f"{answer['verdict']:<8}  {answer['file']}  {answer['seconds']:.2f} s  {signals}".rstrip())
    _show_findings(answer["findings"])
    _show_log(answer["log"])


def _show_findings(findings: Sequence[dict[str, Any]]) -> None:
    for each in findings:
        line = f" line {each['line']}" if each["line"] else ""
        click.echo(f"          {each['code']}{line}: {printable(each['message'])} {each['what_to_do']}".rstrip())


def _show_log(lines: Sequence[dict[str, Any]]) -> None:
    """Show the warnings of Freqtrade's log; of its errors there are findings."""
    warnings = [line for line in lines if line["level"] == "warning"]
    for line in warnings[:_MOST_LINES]:
        times = f" ({line['times']} times)" if line["times"] > 1 else ""
        click.echo(f"          logged by {printable(line['logger'])}: {printable(line['text'])}{times}")
    if len(warnings) > _MOST_LINES:
        click.echo(f"          … and {len(warnings) - _MOST_LINES} more lines in --json")


@forge.command()
@click.argument("files", nargs=-1, required=True, type=FILES)
@click.option("--timerange", help="As Freqtrade writes it: 20250101-20250401.")
@click.option("--pair", "--pairs", "-p", "pairs", multiple=True, help="Only these; several times, or with commas.")
@click.option("--timeframe", "-i", help="In place of the strategy's own.")
@click.option("--timeframe-detail", help="Smaller candles within those of the timeframe.")
@click.option("--dataset", help="On which candles. [default: the configured ones]")
@click.option("--max-open-trades", type=click.IntRange(min=-1), help="-1: no limit.")
@click.option("--stake-amount", metavar="AMOUNT", help="In stake currency, or `unlimited`.")
@click.option(
    "--wallet",
    "--dry-run-wallet",
    "wallet",
    type=click.FloatRange(min=0, min_open=True),
    help="Balance at the start. [default: the configured one]",
)
@click.option("--stock", is_flag=True, help="With Freqtrade's own loop over the candles: slower, the same trades.")
@WITHIN
@as_json
@click.pass_obj
def backtest(
    house: House,
    /,
    files: tuple[Path, ...],
    stock: bool,
    timeout_seconds: float | None,
    as_json: bool,
    **given: Any,
) -> int:
    """Backtest strategy files in the sandbox; nothing is recorded.

    Freqtrade's file of parameters beside a strategy (MyStrategy.json) is used as Freqtrade does. Figures are the
    factory's own, from the daily equity, and Freqtrade's under its names. With --json one line is printed for each
    file, with all trades. The exit code is 0 if all have figures that count.

    \b
    Examples:
      cfsm forge backtest MyStrategy.py --timerange 20250101-20250201
      cfsm forge backtest MyStrategy.py --pairs BTC/USDT:USDT,ETH/USDT:USDT --json
    """
    conditions = _conditions(house, **given)
    data = _facts_of(open_dataset(house, conditions.dataset))
    limits = _limits(house.limits, timeout_seconds)

    def ask(engine: Engine, path: Path, file: StrategyFile, report: Report) -> Answer:
        if file.finding is not None:
            raise BrokenStrategy(file.finding)
        job = _job(path, file, conditions, limits)
        outcome = engine.backtest(replace(job, parameters=_parameters_beside(path, file)), report)
        return {"file": str(path), "strategy": file.name, **_result(outcome, conditions, data)}

    show = print_json_line if as_json else _show_backtest
    return work_off(house, files, ask, show, stock=stock)


def _conditions(house: House, pairs: Sequence[str], stake_amount: str | None, **given: Any) -> Conditions:
    """Give the configured conditions with what was given in their place."""
    names = {"wallet": "dry_run_wallet"}
    changes = {names.get(name, name): value for name, value in given.items() if value is not None}
    named = tuple(pair for text in pairs for pair in text.replace(",", " ").split())
    if named:
        changes["pairs"] = named
    if stake_amount is not None:
        changes["stake_amount"] = _stake(stake_amount)
    return replace(house.conditions, **changes)


def _stake(text: str) -> float | str:
    if text == "unlimited":
        return text
    with suppress(ValueError):
        if 0 < float(text) < float("inf"):
            return float(text)
    raise click.BadParameter(f"{text!r} is neither an amount nor `unlimited`", param_hint="--stake-amount")


def _parameters_beside(path: Path, file: StrategyFile) -> str | None:
    """Give the text of Freqtrade's parameters of this strategy, if such a file lies beside it."""
    beside = path.with_suffix(".json")
    if not beside.is_file() or beside.stat().st_size > MAX_FILE_BYTES:
        return None
    content = beside.read_bytes()
    with suppress(orjson.JSONDecodeError):
        facts = orjson.loads(content)
        if isinstance(facts, dict) and facts.get("strategy_name") == file.name and "params" in facts:
            talk(f"{path}: with the parameters of {beside.name}")
            return content.decode()
    return None


def _facts_of(dataset: "Dataset") -> Mapping[str, str]:
    return {"dataset": dataset.name, "label": dataset.label, "kind": dataset.kind.value}


def _result(outcome: BacktestOutcome, conditions: Conditions, data: Mapping[str, str]) -> Answer:
    span = (conditions.dry_run_wallet, outcome.backtest_start, outcome.backtest_end)
    return {
        "metrics": {**measure(outcome.trades, *span).figures(), "freqtrade": dict(outcome.statistics)},
        "result_hash": outcome.result_hash,
        "engine": outcome.identity.engine,
        "identity": asdict(outcome.identity),
        "seconds": outcome.seconds,
        "stages": dict(outcome.stage_seconds),
        "data": data,
        "timeframe": outcome.timeframe,
        "backtest_start": outcome.backtest_start.isoformat(),
        "backtest_end": outcome.backtest_end.isoformat(),
        "verdict": outcome.verdict.value,
        "findings": [asdict(finding) for finding in outcome.findings],
        "trades": [asdict(trade) for trade in outcome.trades],
    }


def _show_backtest(answer: Answer) -> None:
    if "metrics" not in answer:
        _show_verdict(answer)
        return
    ours, freqtrades = answer["metrics"], answer["metrics"]["freqtrade"]
    start, end = (answer[side][:16].replace("T", " ") for side in ("backtest_start", "backtest_end"))
    click.echo(f"{answer['strategy']}  {answer['timeframe']}  {start} to {end} UTC")
    rows = [
        (
            each.words,
            in_words(ours[each.name], each.unit),
            in_words(freqtrades.get(each.freqtrade), each.unit) if each.freqtrade else "",
            each.of_freqtrade(),
        )
        for each in FIGURES
    ]
    print_table(rows, ("figure", "CFSM", "Freqtrade", "Freqtrade's name"), ("CFSM", "Freqtrade"))
    stages = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in answer["stages"].items())
    print_facts(
        {
            "data": f"{answer['data']['dataset']} ({answer['data']['kind']})",
            "result": answer["result_hash"],
            "engine": answer["engine"],
            "seconds": f"{figure(answer['seconds'])} ({stages})",
        }
    )
    _show_findings(answer["findings"])
    _show_log(answer["log"])
    if answer["verdict"] != Verdict.ACCEPTED:
        click.echo("These figures count for nothing: the factory would retire this strategy for what was found.")
    if answer["data"]["kind"] == "synthetic":
        click.echo("The candles are synthetic: these figures say nothing about a real market.")


def _limits(configured: Limits, timeout_seconds: float | None) -> Limits:
    if timeout_seconds is None:
        return configured
    return replace(configured, wall_seconds=timeout_seconds, cpu_seconds=timeout_seconds)


def _job(path: Path, file: StrategyFile, conditions: Conditions, limits: Limits) -> Job:
    assert file.name is not None
    return Job(f"forge {path.name}", file.name, file.source, conditions, limits=limits)


@forge.command()
@as_json
@click.pass_obj
def status(house: House, as_json: bool) -> None:
    """Show the forge's memory, its queue, the runs under way, the warm datasets and the sandbox."""
    from cfsm.adapters.freqtrade.client import ForgeEngine
    from cfsm.adapters.sandbox.cage import missing_layers

    facts: dict[str, Any] = {"socket": str(house.forge_socket), "running": house.is_forge_ready()}
    facts |= ForgeEngine(house.forge_socket).status() if facts["running"] else {"missing_layers": missing_layers()}
    if as_json:
        print_json(facts)
        return
    if not facts["running"]:
        click.echo("No forge runs: `cfsm run` starts one, and commands that need it start their own.")
    working, missing = facts.pop("working", []), facts.pop("missing_layers")
    print_facts({name: " ".join(value) if isinstance(value, list) else value for name, value in facts.items()})
    click.echo("sandbox: " + ("; ".join(missing) if missing else "complete (Landlock, seccomp, limits)"))
    if working:
        print_table([tuple(run.values()) for run in working], tuple(working[0]))
