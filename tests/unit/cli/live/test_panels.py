"""What the parts of the screen say of an overview."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from cfsm.adapters.supervisor.status import FactoryStatus
from cfsm.bootstrap.observing import Overview, Queue, Work, WorkerNow
from cfsm.cli.live import panels
from cfsm.domain.admission import AdmissionRules, Load
from cfsm.domain.health import Deduction, Health, Level
from cfsm.domain.lifecycle import State
from cfsm.projections.health import Outcomes, Parked

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
WELL = Health(100, Level.WELL, ())
WORKER = WorkerNow(
    name="backtester",
    state="running",
    health=WELL,
    doing="backtesting A 43 %",
    waits_because="",
    last_error="",
    done=70,
    failed=3,
    done_within_hour=7,
    failed_within_hour=2,
    restarts=1,
    deaths_within_hour=1,
    lag_events=None,
    silent_seconds=0.4,
    memory_mb=44.4,
    cpu_seconds=3.0,
    cpu_percent=1.25,
    pid=12,
)
OVERVIEW = Overview(
    factory=FactoryStatus(True, 4711, "here", NOON - timedelta(hours=3, minutes=5), ()),
    workers=[WORKER],
    pipeline={State.VALIDATED: 3, State.RETIRED: 8},
    queues={"backtest": Queue(5, 1)},
    parked=[],
    work=[],
    runs=[],
    generations=Outcomes(20, 17, 2),
    evaluations=Outcomes(90, 80, 6),
    topics={},
    waits_because="",
    machine=Load(memory_available_mb=20_480, disk_free_mb=900, psi_cpu_some_percent=75, temperature_celsius=61),
    events=700,
    shown_until=700,
    last_event_at=NOON,
    is_stale=False,
)


def words(panel, width=140):
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(panel)
    return console.file.getvalue()


def test_the_head_says_whether_it_runs_and_since_when():
    running = words(panels.head(OVERVIEW, "/home/cfsm", "safe", NOON))
    assert "running  /home/cfsm  pid 4711  for 3 h 5 min  profile safe" in running

    assert "not running" in words(panels.head(replace(OVERVIEW, factory=None), "/home/cfsm", "safe", NOON))


def test_the_head_says_what_keeps_work_from_starting_and_that_the_picture_is_old():
    troubled = replace(OVERVIEW, waits_because="disk free is 900 MB", is_stale=True, shown_until=640)

    said = words(panels.head(troubled, "/h", "safe", NOON))
    assert "nothing new starts now: disk free is 900 MB" in said
    assert "the projector is 60 events behind" in said


def test_the_pipeline_shows_every_state_and_what_waits():
    said = words(panels.pipeline(OVERVIEW))

    assert "Generated 0 → Validated 3 → Backtested 0 → Optimized 0 → DryRun 0  │  Retired 8" in said
    assert "asked for 20, made 17, failed 2  ·  runs 90, completed 80, failed 6  ·  5 to backtest, 1 under way" in said


def test_a_worker_has_its_row_with_its_figures():
    row = words(panels.workers(OVERVIEW)).splitlines()[1]

    assert row.split() == ["backtester", "●", "100", "backtesting", "A", "43", "%", "7", "2", "1", "1.2", "44"]


def test_a_worker_that_is_unwell_says_why():
    unwell = replace(WORKER, health=Health(40, Level.POORLY, (Deduction(60, "silent for 22 s"),)))

    row = words(panels.workers(replace(OVERVIEW, workers=[unwell]))).splitlines()[1]
    assert "◐ 40" in row
    assert "(silent for 22 s)" in row


def test_a_worker_that_rests_has_no_score():
    rests = replace(WORKER, state="resting", doing="", health=Health(100, Level.RESTING, ()), memory_mb=None)

    row = words(panels.workers(replace(OVERVIEW, workers=[rests]))).splitlines()[1]
    assert row.split()[:3] == ["backtester", "·", "resting"]


def test_work_shows_how_far_it_is():
    work = [
        Work("backtest", "ab", "backtester@here", "backtesting A 50 % 12 of 24", 1),
        Work("clean", "cd", "cleaner@here", "", 1),
    ]

    first, second = words(panels.runs(replace(OVERVIEW, work=work), NOON)).splitlines()
    assert f"{'█' * 10}{'░' * 10}  50%  backtesting A 50 % 12 of 24" in first
    assert "cd" in second
    assert "█" not in second


def test_without_work_that_is_said():
    assert "nothing is worked on" in words(panels.runs(OVERVIEW, NOON))


def test_cores_that_are_not_measured_yet_are_not_shown_as_unused():
    def cores(percent):
        overview = replace(OVERVIEW, machine=replace(OVERVIEW.machine, cpu_percent=percent))
        lines = words(panels.machine(overview, AdmissionRules())).splitlines()
        return next(line.split() for line in lines if line.startswith("cores used"))

    assert cores(None) == ["cores", "used", "-"]
    assert "0%" in cores(0.0)


def test_the_machine_shows_what_it_can_tell_beside_the_rules():
    lines = [line.split() for line in words(panels.machine(OVERVIEW, AdmissionRules())).splitlines()]

    assert lines[0] == ["memory", "left", "20.0", "GB", "≥", "1000", "MB"]
    assert lines[1] == ["disk", "left", "900", "MB", "≥", "1000", "MB"]
    assert lines[2] == ["cores", "used", "-"]
    assert [lines[3][0], lines[3][3:]] == ["CPU", ["75%", "≤", "60", "%"]]
    assert lines[4] == ["temperature", "61", "°C", "≤", "90", "°C"]
    assert len(lines) == 5


def test_parked_tasks_say_what_to_do():
    parked = Parked("backtest/1", "backtest", "ab", 3, "no \x1b[31mmemory", NOON.isoformat())

    said = words(panels.parked(replace(OVERVIEW, parked=[parked])))
    assert "backtest/1  3 attempts: no \\x1b[31mmemory" in said
    assert "cfsm tasks release KEY" in said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3_660, "1 h 1 min"), (180_000, "2 d 2 h"), (-5, "0 s")],
)
def test_lengths_of_time_have_two_units(seconds, said):
    assert panels.span(timedelta(seconds=seconds)) == said
