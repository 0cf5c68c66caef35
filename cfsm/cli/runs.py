"""``cfsm runs``: validations and backtests, the past ones and those under way."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.completing import strategy_names
from cfsm.cli.output import as_json, print_facts, print_json, print_json_line, print_table, say, talk

RUN_TOPICS = "Evaluation."


@click.group()
def runs() -> None:
    """List, show and follow validations, backtests and optimisations."""


@runs.command("list")
@click.option("--kind", type=click.Choice(["validation", "backtest", "optimization"]), help="Only of this kind.")
@click.option("--state", type=click.Choice(["running", "completed", "failed"]), help="Only these.")
@click.option("--strategy", shell_complete=strategy_names, help="Only of this strategy.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="The newest so many.")
@as_json
@click.pass_obj
def list_(house: House, kind: str | None, state: str | None, strategy: str | None, limit: int, as_json: bool) -> None:
    """List runs, the newest first."""
    from cfsm.cli.strategies import find
    from cfsm.projections.runs import RunsView

    subject = find(house, strategy).id if strategy else None
    found = house.view(RunsView).select(kind=kind, state=state, strategy=subject, limit=limit)
    if as_json:
        print_json(found)
        return
    progress = progress_of(house)
    rows = [(run.id[:8], run.kind, run.strategy_name, run.state, _where(run, progress), run.seconds) for run in found]
    if rows:
        print_table(rows, ("run", "kind", "strategy", "state", "stage", "seconds"), ("seconds",), title="strategy")
    else:
        talk("There is no such run.")


def _where(run: Any, progress: Mapping[str, str]) -> str:
    said = progress.get(run.strategy_id) if run.state == "running" else None
    return said or (f"{run.stage} {run.percent} %" if run.stage else "started")


def progress_of(house: House) -> Mapping[str, str]:
    """Give what the workers last said of the strategies that they are at work on."""
    claimed = [task for task in house.factory.store.overview() if task["claimed"]]
    return {task["subject"]: task["progress"] for task in claimed if task["progress"]}


@runs.command()
@click.argument("run")
@as_json
@click.pass_obj
def show(house: House, run: str, as_json: bool) -> None:
    """Show one run: conditions, stages, verdict, findings, figures; its id or the beginning of it."""
    from cfsm.projections.runs import NoSuchRun, RunsView

    try:
        found = house.view(RunsView).find(run)
    except NoSuchRun as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        print_json(found)
        return
    facts = asdict(found)
    nested = {name: facts.pop(name) for name in ("conditions", "identity", "figures", "blobs")}
    findings = facts.pop("findings")
    print_facts({name: value for name, value in facts.items() if value not in ("", None)})
    for name, values in nested.items():
        print_facts({f"{name}.{key}": value for key, value in values.items() if not isinstance(value, dict)})
    for finding in findings:
        line = f" (line {finding['line']})" if finding.get("line") else ""
        say(f"{finding['code']}{line}: {finding['message']} {finding.get('what_to_do', '')}".rstrip())


@runs.command()
@as_json
@click.pass_obj
def follow(house: House, as_json: bool) -> None:
    """Print the stages and the progress of runs as they go, until Ctrl+C."""
    from cfsm.application.history import History
    from cfsm.cli.telling import in_words

    past = History(house.factory.store)
    bell = house.open_bell()
    place, said = past.head(), dict[str, str]()
    try:
        while True:
            for happening in past.between(place):
                place = happening.id
                if happening.topic.startswith(RUN_TOPICS):
                    _tell(in_words(happening), happening.as_mapping(), as_json=as_json)
            for subject, words in progress_of(house).items():
                if said.get(subject) != words:
                    said[subject] = words
                    _tell(words, {"subject": subject, "progress": words}, as_json=as_json)
            bell.wait(1.0)
    finally:
        bell.close()


def _tell(words: str, document: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json_line(document)
    else:
        say(words)
