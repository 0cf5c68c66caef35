"""What each part of the screen shows, made of an overview; no figure is made up here."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cfsm.application.history import Happening
from cfsm.bootstrap.observing import Overview, WorkerNow
from cfsm.cli.output import printable
from cfsm.cli.status import MARKS, doing_in_words, megabytes
from cfsm.cli.telling import in_words
from cfsm.domain.admission import AdmissionRules
from cfsm.domain.lifecycle import State

COLORS = {"well": "green", "poorly": "yellow", "ill": "red", "resting": "bright_black"}
BAR_CELLS = 20
FAR_BEHIND = 20
"""So many events are more than what happens between two looks."""

_PERCENT = re.compile(r" (\d{1,3}) %")


def head(overview: Overview, path: str, profile: str, now: datetime) -> Text:
    """Say whether the factory runs, since when, and what keeps new work from starting."""
    text = Text(no_wrap=True, overflow="ellipsis")
    factory = overview.factory
    if factory is None or not factory.running:
        text.append("not running", "bold red")
        text.append(f"  {path}  (`cfsm run` starts it)")
    else:
        text.append("running", "bold green")
        since = span(now - factory.started_at)
        text.append(f"  {path}  pid {factory.pid}  for {since}  profile {profile}")
    if overview.waits_because:
        text.append(f"\nnothing new starts now: {printable(overview.waits_because)}", "yellow")
    behind = overview.events - overview.shown_until
    if behind >= FAR_BEHIND:  # a few are in between, always
        text.append(f"\nthe projector is {behind} events behind", "yellow")
    return text


def span(length: timedelta) -> str:
    """Give a length of time in its two greatest units."""
    seconds = max(0, int(length.total_seconds()))
    days, hours, minutes = seconds // 86_400, seconds // 3_600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"


def pipeline(overview: Overview) -> Text:
    """Show how many strategies are in each state, and what waits for whom."""
    text = Text()
    for state in State:
        if state is not State.GENERATED:
            text.append("  │  " if state is State.RETIRED else " → ", "bright_black")
        count = overview.pipeline.get(state, 0)
        text.append(f"{state.value} ", "" if count else "bright_black")
        text.append(str(count), "bold cyan" if count else "bright_black")
    made = overview.generations
    text.append(f"\nasked for {made.requested}, made {made.concluded}, failed {made.failed}", "bright_black")
    runs = overview.evaluations
    text.append(f"  ·  runs {runs.requested}, completed {runs.concluded}, failed {runs.failed}", "bright_black")
    for kind, queue in overview.queues.items():
        text.append("  ·  ", "bright_black")
        text.append(f"{queue.waiting} to {kind}" + (f", {queue.under_way} under way" if queue.under_way else ""))
    return text


def workers(overview: Overview) -> Table:
    """Show each process with its health, what it does and what it takes."""
    table = Table(box=None, pad_edge=False, expand=True, header_style="bold")
    for name, options in (
        ("worker", {"no_wrap": True}),
        ("health", {"no_wrap": True}),
        ("what it does", {"ratio": 1, "no_wrap": True, "overflow": "ellipsis"}),
        ("done/h", {"justify": "right"}),
        ("failed/h", {"justify": "right"}),
        ("restarts", {"justify": "right"}),
        ("CPU %", {"justify": "right"}),
        ("MB", {"justify": "right"}),
    ):
        table.add_column(name, **options)
    for worker in overview.workers:
        table.add_row(*_cells(worker), style="bright_black" if worker.health.level == "resting" else "")
    return table


def _cells(worker: WorkerNow) -> tuple[Text | str, ...]:
    level = worker.health.level
    score = "" if level == "resting" else str(worker.health.score)
    doing = printable(doing_in_words(worker))
    if worker.health.deductions:
        doing = f"{doing}  ({printable(worker.health.reason)})"
    return (
        Text(worker.name),
        Text(f"{MARKS[level]} {score}".rstrip(), COLORS[level]),
        Text(doing),
        str(worker.done_within_hour),
        Text(str(worker.failed_within_hour), "yellow" if worker.failed_within_hour else ""),
        Text(str(worker.restarts), "yellow" if worker.restarts else ""),
        _figure(worker.cpu_percent, "{:.1f}"),
        _figure(worker.memory_mb, "{:.0f}"),
    )


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def runs(overview: Overview, now: datetime) -> RenderableType:
    """Show what is worked on, and how far it is."""
    if not overview.work:
        return Text("nothing is worked on", "bright_black")
    started = {(run.kind, run.strategy_id): run for run in overview.runs}
    table = Table(box=None, pad_edge=False, expand=True, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(no_wrap=True, justify="right")
    for work in overview.work:
        kind = {"validate": "validation", "backtest": "backtest"}.get(work.kind, work.kind)
        run = started.get((kind, work.subject))
        found = _PERCENT.search(work.progress)
        percent = int(found.group(1)) if found else run.percent if run else None
        words = work.progress or (run.strategy_name if run else work.subject)
        since = span(now - datetime.fromisoformat(run.started)) if run else ""
        table.add_row(work.kind, bar(percent), Text(printable(words)), since)
    return table


def bar(percent: float | None, color: str = "cyan") -> Text:
    """Draw a share of a hundred."""
    if percent is None:
        return Text("·" * BAR_CELLS + "     ", "bright_black")
    filled = round(BAR_CELLS * min(100.0, max(0.0, percent)) / 100)
    text = Text("█" * filled, color)
    text.append("░" * (BAR_CELLS - filled), "bright_black")
    text.append(f" {percent:3.0f}%")
    return text


def machine(overview: Overview, rules: AdmissionRules) -> Table:
    """Show what the machine has left, and the rule for each; what it cannot tell is left out.

    The use of the cores is known from the second look on.
    """
    load = overview.machine
    table = Table(box=None, pad_edge=False, show_header=False, expand=True)
    for _ in range(3):
        table.add_column(no_wrap=True)
    amounts = (
        ("memory left", load.memory_available_mb, rules.min_memory_available_mb),
        ("disk left", load.disk_free_mb, rules.min_disk_free_mb),
    )
    for name, amount, least in amounts:
        if amount is not None:
            table.add_row(name, _judged(megabytes(amount), amount < least), f"≥ {megabytes(least)}")
    percents = (
        ("cores used", load.cpu_percent, rules.max_cpu_percent),
        ("CPU pressure", load.psi_cpu_some_percent, rules.max_psi_cpu_some_percent),
        ("mem. pressure", load.psi_memory_full_percent, rules.max_psi_memory_full_percent),
    )
    if load.cpu_percent is None:
        table.add_row("cores used", "-", "" if rules.max_cpu_percent is None else f"≤ {rules.max_cpu_percent:g} %")
    for name, percent, most in percents:
        if percent is not None:
            over = most is not None and percent > most
            table.add_row(name, bar(percent, "yellow" if over else "green"), "" if most is None else f"≤ {most:g} %")
    if load.temperature_celsius is not None:
        most = rules.max_temperature_celsius
        over = most is not None and load.temperature_celsius > most
        limit = "" if most is None else f"≤ {most:g} °C"
        table.add_row("temperature", _judged(f"{load.temperature_celsius:.0f} °C", over), limit)
    return table


def _judged(words: str, is_bad: bool) -> Text:
    return Text(words, "yellow" if is_bad else "")


def parked(overview: Overview) -> RenderableType:
    """Show the tasks that wait for a person."""
    if not overview.parked:
        return Text("none", "bright_black")
    lines = []
    for task in overview.parked:
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(task.key, "yellow")
        text.append(f"  {task.attempts} attempts: {printable(task.error)}")
        lines.append(text)
    lines.append(Text("`cfsm tasks release KEY` lets one be tried again", "bright_black"))
    return Group(*lines)


def events(happenings: Sequence[Happening]) -> Group:
    """Show the last events, the newest first."""
    return Group(*(Text(in_words(each), no_wrap=True, overflow="ellipsis") for each in reversed(happenings)))
