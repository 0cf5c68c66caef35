"""``cfsm status``: how the factory is, at a glance."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.output import as_json, print_json, print_table, say, talk

if TYPE_CHECKING:
    from cfsm.bootstrap.observing import Overview, WorkerNow
    from cfsm.domain.admission import Load

MARKS = {"well": "●", "poorly": "◐", "ill": "○", "resting": "·"}
HEADERS = ("worker", "health", "what it does", "done/h", "failed/h", "restarts", "MB")
BYTES_IN_WORDS = ((1 << 20, "TB"), (1 << 10, "GB"))


@click.command()
@as_json
@click.pass_obj
def status(house: House, as_json: bool) -> None:
    """Show the workers with their health, the pipeline, what is due and what is parked.

    Health is a score from 100 down; what was deducted for it stands below the table. `cfsm top` shows the same, live.
    """
    from cfsm.bootstrap.observing import Observer

    overview = Observer(house).look(wait=True)
    if as_json:
        print_json(facts_of(house, overview))
        return
    factory = overview.factory
    if factory is None or not factory.running:
        talk(f"The factory of {house.path} is not running; `cfsm start` starts it.")
    else:
        who = f"as pid {factory.pid}" if factory.pid else f"under {factory.runs_under}"
        say(f"The factory of {house.path} runs {who} since {factory.started_at:%F %T} UTC.")
    if overview.workers:
        print_table(map(_row, overview.workers), HEADERS, ("done/h", "failed/h", "restarts", "MB"))
    for line in _lines(overview):
        say(line)


def _row(worker: "WorkerNow") -> tuple[object, ...]:
    memory = None if worker.memory_mb is None else round(worker.memory_mb)
    tasks = (worker.done_within_hour, worker.failed_within_hour)
    return (worker.name, health_in_words(worker), doing_in_words(worker), *tasks, worker.restarts, memory)


def health_in_words(worker: "WorkerNow") -> str:
    """Give the score with a mark that is seen from afar; none for a worker that rests."""
    level = worker.health.level
    return MARKS[level] if level == "resting" else f"{MARKS[level]} {worker.health.score}"


def doing_in_words(worker: "WorkerNow") -> str:
    """Give what a worker does; if it does not work, in which state it is."""
    states = [] if worker.state == "running" else [worker.state]
    return ": ".join([*states, *([worker.doing] if worker.doing else [])])


def _lines(overview: "Overview") -> Iterator[str]:
    for worker in overview.workers:
        if worker.health.deductions:
            yield f"{worker.name}: {worker.health.reason}"
    yield f"strategies: {_counted((count, state) for state, count in overview.pipeline.items()) or 'none yet'}"
    due = ((queue.waiting + queue.under_way, f"to {kind}") for kind, queue in overview.queues.items())
    under_way = sum(queue.under_way for queue in overview.queues.values())
    yield f"due: {_counted(due) or 'nothing'}" + (f" ({under_way} under way)" if under_way else "")
    for run in overview.runs:
        yield f"running: {run.kind} of {run.strategy_name}, {run.percent} % {run.stage}".rstrip()
    yield f"machine: {machine_in_words(overview.machine)}"
    if overview.waits_because:
        yield f"nothing new starts now: {overview.waits_because}"
    at = overview.last_event_at
    yield f"events: {overview.events}, the last at {at.isoformat() if at else '-'}"
    if overview.is_stale:
        yield f"what is shown is as of event {overview.shown_until}: the projector has not come to the end"
    for task in overview.parked:
        yield f"parked: {task.key} after {task.attempts} attempts: {task.error}"
        yield f"        `cfsm tasks release {task.key}` lets it be tried again"


def _counted(counts: Iterable[tuple[int, object]]) -> str:
    return ", ".join(f"{count} {what}" for count, what in counts if count)


def machine_in_words(load: "Load") -> str:
    """Give what the machine tells of itself; what it cannot tell is left out."""
    memory, disk = load.memory_available_mb, load.disk_free_mb
    words = (
        None if memory is None else f"memory {megabytes(memory)} available",
        None if disk is None else f"disk {megabytes(disk)} free",
        _rounded(load.cpu_percent, "cores {:.0f} % used"),
        _rounded(load.psi_cpu_some_percent, "CPU pressure {:.0f} %"),
        _rounded(load.psi_memory_full_percent, "memory pressure {:.0f} %"),
        _rounded(load.temperature_celsius, "{:.0f} °C"),
    )
    return ", ".join(word for word in words if word is not None)


def _rounded(value: float | None, words: str) -> str | None:
    return None if value is None else words.format(value)


def megabytes(value: float) -> str:
    """Give an amount of memory in the unit that suits it."""
    for unit, name in BYTES_IN_WORDS:
        if value >= unit:
            return f"{value / unit:.1f} {name}"
    return f"{value:.0f} MB"


def facts_of(house: House, overview: "Overview") -> dict[str, Any]:
    """Give the overview for programs."""
    from dataclasses import asdict

    facts = asdict(overview)
    pipeline = {state.value: count for state, count in overview.pipeline.items()}
    runs = [
        {"id": run.id, "kind": run.kind, "strategy": run.strategy_name, "stage": run.stage, "percent": run.percent}
        for run in overview.runs
    ]
    due = {kind: queue.waiting + queue.under_way for kind, queue in overview.queues.items()}
    del facts["pipeline"]
    return {
        "home": str(house.path),
        "profile": house.settings.profile,
        **facts,
        "strategies": pipeline,
        "due": due,
        "runs": runs,
    }
