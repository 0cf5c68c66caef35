"""The supervisor with real processes."""

import asyncio
import os
import re
import signal
import socket
import textwrap
import time
from pathlib import Path

import orjson
import pytest

from cfsm.adapters.listening import listen_at
from cfsm.adapters.supervisor.events import EventKind
from cfsm.adapters.supervisor.group import STATUS_AT_MOST_EVERY_SECONDS, Supervisor, run_until_signalled
from cfsm.adapters.supervisor.output import Terminal
from cfsm.adapters.supervisor.status import UnitState, status_path
from cfsm.adapters.supervisor.units import RestartPolicy, UnitSpec
from tests.fakes.supervised import (
    QUICK,
    WORKS,
    Watched,
    all_ready,
    is_alive,
    supervised,
    unit,
)


def written(home):
    try:
        return {fields["name"]: fields for fields in orjson.loads(status_path(home).read_bytes())["units"]}
    except FileNotFoundError:
        return {}


def test_a_unit_runs_and_its_words_are_in_the_status(tmp_path):
    async def scenario():
        body = "tell('STATUS=profit_factor ≥ 1.3\\nREADY=1'); run_on()"
        async with supervised(tmp_path, unit("worker", body)) as watched:
            await watched.until(EventKind.READY)
            await watched.until_true(lambda: written(tmp_path).get("worker", {}).get("state") == "running")
            status = written(tmp_path)["worker"]
            assert status["status"] == "profit_factor ≥ 1.3"
            assert is_alive(status["pid"])

        assert watched.status("worker").state is UnitState.STOPPED
        assert not is_alive(status["pid"])
        assert written(tmp_path)["worker"]["state"] == "stopped"
        assert [event.kind.value for event in watched.events] == ["started", "ready", "stopping", "stopped"]

    asyncio.run(scenario())


def test_memory_is_in_the_status(tmp_path):
    async def scenario():
        async with supervised(tmp_path, unit("worker", "x = b'x' * 30_000_000; tell('READY=1'); run_on()")) as watched:
            await watched.until(EventKind.READY)
            watched.supervisor._units["worker"].measure()
            assert 30 <= watched.status("worker").memory_mb < 100

    asyncio.run(scenario())


def test_a_unit_that_crashes_is_started_again_after_growing_pauses(tmp_path):
    async def scenario():
        body = "say('no such table'); sys.exit(3)"
        async with supervised(tmp_path, unit("worker", body)) as watched:
            await watched.until(EventKind.WAITING, times=4)
            assert "exit code 3" in watched.status("worker").last_exit
            assert "no such table" in watched.status("worker").reason

        waits = [event.message for event in watched.told(EventKind.WAITING)[:4]]
        assert waits == [f"starts again in {seconds} s" for seconds in (0.01, 0.02, 0.04, 0.08)]
        assert watched.status("worker").restarts >= 4

    asyncio.run(scenario())


def test_a_unit_that_ran_long_enough_before_it_crashed_is_started_again_at_once(tmp_path):
    async def scenario():
        policy = RestartPolicy(first_delay_seconds=0.01, settled_seconds=0.0)
        async with supervised(tmp_path, unit("worker", "sys.exit(1)"), policy=policy) as watched:
            await watched.until(EventKind.WAITING, times=3)

        assert {event.message for event in watched.told(EventKind.WAITING)} == {"starts again in 0.01 s"}

    asyncio.run(scenario())


def test_a_unit_that_crashes_too_often_has_failed_but_is_tried_on(tmp_path):
    async def scenario():
        mark = tmp_path / "repaired"
        body = f"os.path.exists({str(mark)!r}) or sys.exit(1); {WORKS}"
        policy = RestartPolicy(first_delay_seconds=0.001, start_limit=3, failed_delay_seconds=0.05)
        async with supervised(tmp_path, unit("worker", body), policy=policy) as watched:
            failed = await watched.until(EventKind.FAILED)
            assert failed.message == "failed 3 times in a row; tried again every 0.05 s"
            assert watched.status("worker").state is UnitState.FAILED

            mark.touch()
            await watched.until(EventKind.READY)
            assert watched.status("worker").state is UnitState.RUNNING
            assert watched.status("worker").reason == ""

    asyncio.run(scenario())


def test_a_killed_worker_works_again(tmp_path):
    async def scenario():
        async with supervised(tmp_path, unit("worker")) as watched:
            ready = await watched.until(EventKind.READY)
            os.kill(ready.pid, signal.SIGKILL)
            again = await watched.until(EventKind.READY, times=2)

            assert again.pid != ready.pid
            assert "killed by SIGKILL" in watched.status("worker").last_exit

    asyncio.run(scenario())


def test_a_hanging_worker_is_ended_and_shows_where_it_hung(tmp_path):
    async def scenario():
        body = """
            import faulthandler; faulthandler.enable()
            def waiting_for_ever(): time.sleep(1000)
            tell('READY=1'); waiting_for_ever()
        """
        async with supervised(tmp_path, unit("worker", body, watchdog_seconds=0.2)) as watched:
            overdue = await watched.until(EventKind.OVERDUE)
            assert overdue.message == "no sign of life for 0.2 s: SIGABRT"
            await watched.until(EventKind.READY, times=2)
            assert "no sign of life" in watched.status("worker").last_exit

        assert "in waiting_for_ever" in (tmp_path / "logs" / "worker.log").read_text()

    asyncio.run(scenario())


def test_a_worker_that_ignores_everything_is_killed_in_the_end(tmp_path):
    async def scenario():
        body = "signal.signal(signal.SIGABRT, signal.SIG_IGN); tell('READY=1'); time.sleep(1000)"
        async with supervised(tmp_path, unit("worker", body, watchdog_seconds=0.1)) as watched:
            await watched.until(EventKind.READY, times=2)

        signals = [event.message.rpartition(" ")[2] for event in watched.told(EventKind.OVERDUE)]
        assert signals[:2] == ["SIGABRT", "SIGKILL"]

    asyncio.run(scenario())


def test_a_worker_that_is_never_ready_is_started_again(tmp_path):
    async def scenario():
        async with supervised(tmp_path, unit("worker", "run_on()", start_timeout_seconds=0.3)) as watched:
            await watched.until(EventKind.STARTED, times=2)

        assert watched.told(EventKind.OVERDUE)[0].message == "not ready within 0.3 s: SIGABRT"
        assert not watched.told(EventKind.READY)

    asyncio.run(scenario())


def test_a_slow_start_may_ask_for_time(tmp_path):
    async def scenario():
        body = f"tell('EXTEND_TIMEOUT_USEC=20000000'); time.sleep(1.2); {WORKS}"
        async with supervised(tmp_path, unit("worker", body, start_timeout_seconds=1.0)) as watched:
            await watched.until(EventKind.READY)

        assert not watched.told(EventKind.OVERDUE)

    asyncio.run(scenario())


def test_signs_of_life_that_waited_while_the_supervisor_slept_count(tmp_path):
    async def scenario():
        async with supervised(tmp_path, unit("worker", watchdog_seconds=1.0)) as watched:
            await watched.until(EventKind.READY)
            time.sleep(1.2)  # noqa: ASYNC251 - the supervisor sleeps, as after SIGSTOP
            await asyncio.sleep(0.05)

        assert not watched.told(EventKind.OVERDUE)

    asyncio.run(scenario())


def test_units_stop_in_their_order(tmp_path):
    async def scenario():
        slow = "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.1), sys.exit(0))); tell('READY=1'); run_on()"
        units = (
            unit("coordinator", stop_after=("backtester-1", "backtester-2")),
            unit("projector", stop_after=("backtester-1", "coordinator")),
            unit("backtester-1", slow),
            unit("backtester-2", slow),
        )
        async with supervised(tmp_path, *units) as watched:
            await all_ready(watched, *(spec.name for spec in units))
            assert [event.unit for event in watched.told(EventKind.STARTED)][:2] == ["projector", "coordinator"]

        told = [(event.kind, event.unit) for event in watched.events]
        for before, after in (
            ("backtester-1", "coordinator"),
            ("backtester-2", "coordinator"),
            ("coordinator", "projector"),
        ):
            assert told.index((EventKind.STOPPED, before)) < told.index((EventKind.STOPPING, after))
        assert told.index((EventKind.STOPPING, "backtester-2")) < told.index((EventKind.STOPPED, "backtester-1"))

    asyncio.run(scenario())


def test_a_stubborn_worker_and_its_children_are_killed(tmp_path):
    async def scenario():
        body = """
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            child = os.fork()
            if child == 0:
                while True: time.sleep(1)
            tell(f'STATUS={child}\\nREADY=1'); run_on()
        """
        async with supervised(tmp_path, unit("worker", body, stop_timeout_seconds=0.1)) as watched:
            await watched.until(EventKind.READY)
            child = int(watched.status("worker").status)
            assert is_alive(child)

        assert watched.told(EventKind.OVERDUE)[0].message == "did not stop in the time it had: SIGKILL"
        assert not is_alive(child)

    asyncio.run(scenario())


def test_a_slow_stop_may_ask_for_time(tmp_path):
    async def scenario():
        body = """
            def slowly(*_):
                tell('STOPPING=1\\nEXTEND_TIMEOUT_USEC=20000000'); time.sleep(1.2); sys.exit(0)
            signal.signal(signal.SIGTERM, slowly)
            tell('READY=1'); run_on()
        """
        async with supervised(tmp_path, unit("worker", body, stop_timeout_seconds=1.0)) as watched:
            await watched.until(EventKind.READY)

        assert not watched.told(EventKind.OVERDUE)
        assert "exit code 0" in watched.status("worker").last_exit

    asyncio.run(scenario())


def test_a_worker_that_waits_for_its_next_start_stops_at_once(tmp_path):
    async def scenario():
        policy = RestartPolicy(first_delay_seconds=1000, longest_delay_seconds=1000)
        async with supervised(tmp_path, unit("worker", "sys.exit(1)"), policy=policy) as watched:
            await watched.until(EventKind.WAITING)

        assert watched.status("worker").state is UnitState.STOPPED

    asyncio.run(scenario())


def test_a_misconfigured_worker_is_not_started_again_and_says_why(tmp_path):
    async def scenario():
        body = "tell('STATUS=config.yaml:3: models: is empty'); sys.exit(os.EX_CONFIG)"
        units = (unit("worker", body), unit("other", stop_after=("worker",)))
        async with supervised(tmp_path, *units) as watched:
            told = await watched.until(EventKind.MISCONFIGURED)
            await watched.until(EventKind.READY, "other")

        assert "config.yaml:3: models: is empty" in told.message
        assert watched.status("worker").state is UnitState.MISCONFIGURED
        assert watched.status("worker").reason == "config.yaml:3: models: is empty"
        assert len(watched.told(EventKind.STARTED, "worker")) == 1

    asyncio.run(scenario())


def test_a_program_that_is_not_there_is_a_misconfiguration_and_ends_the_run(tmp_path):
    async def scenario():
        watched = Watched(tmp_path, [UnitSpec(name="worker", argv=("/nowhere/cfsm",), environ={})], QUICK)

        (status,) = await watched.supervisor.run(watched.stop)

        assert status.state is UnitState.MISCONFIGURED
        assert status.reason == "/nowhere/cfsm cannot be run: No such file or directory"

    asyncio.run(scenario())


def test_what_other_processes_say_in_a_workers_name_is_ignored(tmp_path):
    async def scenario():
        body = "say(os.environ['NOTIFY_SOCKET']); time.sleep(1000)"
        async with supervised(tmp_path, unit("worker", body)) as watched:
            await watched.until_true(lambda: watched.supervisor._units["worker"]._output.last_line)
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as foreign:
                for _ in range(3):
                    foreign.sendto(b"READY=1\nSTATUS=forged", watched.supervisor._units["worker"]._output.last_line)
            ignored = await watched.until(EventKind.IGNORED)
            await asyncio.sleep(0.05)

            assert str(os.getpid()) in ignored.message
            assert len(watched.told(EventKind.IGNORED)) == 1
            assert watched.status("worker").state is UnitState.STARTING
            assert watched.status("worker").status == ""

    asyncio.run(scenario())


def test_a_workers_children_do_not_speak_for_it(tmp_path):
    async def scenario():
        body = f"""
            if os.fork() == 0:
                tell('STATUS=the child'); os._exit(0)
            os.wait()
            {WORKS}
        """
        async with supervised(tmp_path, unit("worker", body)) as watched:
            await watched.until(EventKind.READY)
            assert watched.told(EventKind.IGNORED)
            assert watched.status("worker").status == ""

    asyncio.run(scenario())


def test_a_worker_may_hand_over_to_its_child(tmp_path):
    async def scenario():
        body = """
            child = os.fork()
            if child:
                tell(f'MAINPID={child}'); sys.exit(0)
            while os.getppid() == os.getsid(0): time.sleep(0.01)
            tell('STATUS=the heir\\nREADY=1'); run_on()
        """
        async with supervised(tmp_path, unit("worker", body)) as watched:
            ready = await watched.until(EventKind.READY)
            assert watched.status("worker").status == "the heir"
            os.kill(ready.pid, signal.SIGKILL)
            again = await watched.until(EventKind.READY, times=2)

        assert not is_alive(again.pid)

    asyncio.run(scenario())


def test_a_worker_cannot_hand_over_to_a_stranger(tmp_path):
    async def scenario():
        body = f"tell('MAINPID={os.getpid()}'); {WORKS}"
        async with supervised(tmp_path, unit("worker", body)) as watched:
            ready = await watched.until(EventKind.READY)

        assert ready.pid != os.getpid()

    asyncio.run(scenario())


def test_what_a_dead_worker_left_in_sessions_of_its_own_is_killed(tmp_path):
    async def scenario():
        body = """
            import subprocess
            argv = [sys.executable, '-I', '-S', '-c', 'import time; time.sleep(1000)']
            child = subprocess.Popen(argv, start_new_session=True)
            tell(f'STATUS={child.pid}\\nREADY=1'); run_on()
        """
        async with supervised(tmp_path, unit("worker", body), unit("worker-2", body)) as watched:
            await all_ready(watched, "worker", "worker-2")
            left, kept = (int(watched.status(name).status) for name in ("worker", "worker-2"))
            os.kill(watched.status("worker").pid, signal.SIGKILL)
            await watched.until(EventKind.REMNANTS)

            assert not is_alive(left)
            assert is_alive(kept)

    asyncio.run(scenario())


def test_output_goes_to_the_terminal_with_a_prefix_and_to_logs(tmp_path):
    async def scenario(terminal):
        body = f"say('made a strategy'); print('warned', file=sys.stderr); {WORKS}"
        async with supervised(tmp_path, unit("worker", body), unit("projector"), terminal=terminal) as watched:
            await all_ready(watched, "worker", "projector")

    with (tmp_path / "terminal").open("wb") as out:
        asyncio.run(scenario(Terminal(out.fileno())))

    assert (tmp_path / "terminal").read_text() == "worker    | made a strategy\nworker    | warned\n"
    assert (tmp_path / "logs" / "worker.log").read_text() == "made a strategy\nwarned\n"


def test_the_last_words_of_a_crash_are_kept(tmp_path):
    async def scenario():
        body = "sys.stdout.write('x' * 60000 + '\\n' + 'last words'); sys.stdout.flush(); os._exit(1)"
        async with supervised(tmp_path, unit("worker", body)) as watched:
            await watched.until(EventKind.WAITING)
            assert watched.status("worker").reason.partition(": ")[2].startswith("last words;")

    asyncio.run(scenario())


def test_a_worker_that_closes_its_output_costs_no_attention(tmp_path):
    async def scenario():
        async with supervised(tmp_path, unit("worker", f"os.close(1); os.close(2); {WORKS}")) as watched:
            await watched.until(EventKind.READY)
            used = sum(os.times()[:2])
            await asyncio.sleep(0.3)
            assert sum(os.times()[:2]) - used < 0.2

    asyncio.run(scenario())


def test_the_childs_environment_is_its_own_and_the_protocols(tmp_path, monkeypatch):
    async def scenario():
        environ = {"LANG": "C.UTF-8", "WATCHDOG_PID": "1", "LISTEN_FDS": "3", "JOURNAL_STREAM": "8:1"}
        body = f"say(' '.join(sorted(os.environ)) + ' ' + os.environ['WATCHDOG_USEC']); {WORKS}"
        specs = (unit("worker", body, environ=environ, watchdog_seconds=2.5), unit("calm", body, environ=environ))
        async with supervised(tmp_path, specs[0]) as watched:
            await watched.until(EventKind.READY)

    monkeypatch.setenv("SECRET", "not for children")
    asyncio.run(scenario())

    assert (tmp_path / "logs" / "worker.log").read_text() == (
        "CFSM_SUPERVISED_AS CFSM_SUPERVISOR_FD LANG NOTIFY_SOCKET WATCHDOG_USEC 2500000\n"
    )


def test_homes_with_long_paths_use_abstract_sockets(tmp_path):
    async def scenario():
        home = tmp_path / ("long" * 30)
        async with supervised(home, unit("worker", f"say(os.environ['NOTIFY_SOCKET']); {WORKS}")) as watched:
            await watched.until(EventKind.READY)

        assert (home / "logs" / "worker.log").read_text().startswith("@")

    asyncio.run(scenario())


def test_a_status_that_cannot_be_written_is_told_once(tmp_path):
    async def scenario():
        status_path(tmp_path).parent.mkdir()
        status_path(tmp_path).with_name("supervisor.json.new").mkdir()
        async with supervised(tmp_path, unit("worker")) as watched:
            await watched.until(EventKind.READY)
            await watched.until(EventKind.UNWRITABLE)

        assert len(watched.told(EventKind.UNWRITABLE)) == 1
        assert watched.status("worker").state is UnitState.STOPPED

    asyncio.run(scenario())


def test_a_cancelled_supervisor_leaves_no_process(tmp_path):
    async def scenario():
        watched = Watched(tmp_path, [unit("worker")], QUICK)
        running = asyncio.create_task(watched.supervisor.run(watched.stop))
        ready = await watched.until(EventKind.READY)

        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

        assert not is_alive(ready.pid)

    asyncio.run(scenario())


STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN); tell('READY=1'); run_on()"


@pytest.mark.parametrize(
    ("signals", "deadline"),
    [
        ([signal.SIGINT, signal.SIGINT, signal.SIGINT], None),
        ([signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGINT], None),
        ([signal.SIGTERM, signal.SIGINT], "did not stop in the time it had: SIGKILL"),
    ],
)
def test_a_user_who_will_not_wait_is_obeyed(tmp_path, signals, deadline):
    async def scenario():
        watched = Watched(tmp_path, [unit("last", stop_after=("worker",)), unit("worker", STUBBORN)], QUICK)
        running = asyncio.create_task(run_until_signalled(watched.supervisor))
        await all_ready(watched, "worker", "last")
        for number in signals:
            os.kill(os.getpid(), number)
            await asyncio.sleep(0.02)
        await running

        assert [event.message for event in watched.told(EventKind.OVERDUE)] == ([deadline] if deadline else [])
        assert {status.state for status in watched.supervisor.units} == {UnitState.STOPPED}

    asyncio.run(scenario())


@pytest.fixture
def hangups_heeded():
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hangups_heeded")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_in_order(tmp_path, number):
    async def scenario():
        watched = Watched(tmp_path, [unit("worker")], QUICK)
        running = asyncio.create_task(run_until_signalled(watched.supervisor))
        await watched.until(EventKind.READY)
        os.kill(os.getpid(), number)
        await running

        assert "exit code 0" in watched.status("worker").last_exit

    asyncio.run(scenario())


def test_the_status_is_written_at_most_twice_a_second(tmp_path):
    async def scenario():
        body = "tell('READY=1')\nfor n in range(200):\n    tell(f'STATUS={n}'); time.sleep(0.005)\nrun_on()"
        async with supervised(tmp_path, unit("worker", body)) as watched:
            contents = set()
            began = time.monotonic()
            await watched.until(EventKind.READY)
            while watched.status("worker").status != "199":
                contents.add(status_path(tmp_path).read_bytes())
                await asyncio.sleep(0.005)
            await watched.until_true(lambda: written(tmp_path)["worker"]["status"] == "199")

        assert 1 < len(contents) <= 2 + (time.monotonic() - began) / STATUS_AT_MOST_EVERY_SECONDS

    asyncio.run(scenario())


def test_units_that_cannot_be_ordered_are_refused(tmp_path):
    with pytest.raises(ValueError, match=re.escape("stops after nobody")):
        Supervisor([unit("worker", stop_after=("nobody",))], tmp_path, print)


def test_the_supervisor_has_no_threads(tmp_path):
    async def scenario():
        async with supervised(tmp_path, unit("worker")) as watched:
            await watched.until(EventKind.READY)
            assert entries("task") == before

    before = entries("task")
    asyncio.run(scenario())


def test_restarts_leak_no_file_descriptors(tmp_path):
    async def scenario():
        async with supervised(tmp_path, unit("worker", "tell('READY=1'); sys.exit(1)"), policy=policy) as watched:
            await watched.until(EventKind.WAITING, times=2)
            before = entries("fd")
            await watched.until(EventKind.WAITING, times=12)
            assert entries("fd") == before

    policy = RestartPolicy(first_delay_seconds=0.001, longest_delay_seconds=0.01, start_limit=50)
    asyncio.run(scenario())


def entries(folder):
    return len(list(Path(f"/proc/self/{folder}").iterdir()))


ON_CALL = """
    from cfsm.adapters.listening import passed_listener
    listener = passed_listener()
    tell('READY=1')
    peer, _ = listener.accept()
    peer.sendall(str(os.getpid()).encode())
"""
"""A unit that serves one caller and ends, as one does that nobody needs any more."""


async def call(path):
    """Connect as soon as somebody listens; give what is said until the other end hangs up."""
    async with asyncio.timeout(30):
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(path)
            except (FileNotFoundError, ConnectionRefusedError):
                await asyncio.sleep(0.01)
            else:
                said = await reader.read()
                writer.close()
                return said.decode()


def test_a_unit_on_call_runs_only_while_it_is_needed(tmp_path):
    async def scenario():
        on_call = unit("forge", ON_CALL, package=True, listens_at=tmp_path / "forge.sock")
        async with supervised(tmp_path, on_call) as watched:
            await watched.until(EventKind.RESTING)
            assert watched.status("forge").pid is None
            assert watched.status("forge").state is UnitState.RESTING

            first = await call(tmp_path / "forge.sock")
            await watched.until(EventKind.RESTING, times=2)
            second = await call(tmp_path / "forge.sock")
            await watched.until(EventKind.RESTING, times=3)

        assert first != second
        assert watched.status("forge").restarts == 0
        assert watched.told(EventKind.EXITED) == []
        assert watched.status("forge").state is UnitState.STOPPED
        assert not (tmp_path / "forge.sock").exists()

    asyncio.run(scenario())


def test_who_waits_for_a_unit_on_call_is_served_though_it_crashes_first(tmp_path):
    async def scenario():
        crash_once = (
            f"mark = {str(tmp_path / 'crashed')!r}\nif not os.path.exists(mark): open(mark, 'w'); sys.exit(1)\n"
        )
        on_call = unit("forge", crash_once + textwrap.dedent(ON_CALL), package=True, listens_at=tmp_path / "forge.sock")
        async with supervised(tmp_path, on_call) as watched:
            assert await call(tmp_path / "forge.sock")
            assert len(watched.told(EventKind.EXITED)) == 1
            await watched.until(EventKind.RESTING, times=2)

    asyncio.run(scenario())


def test_a_unit_on_call_whose_socket_another_process_serves_waits_for_it(tmp_path):
    async def scenario():
        other, lock = listen_at(tmp_path / "forge.sock")
        on_call = unit("forge", ON_CALL, package=True, listens_at=tmp_path / "forge.sock")
        async with supervised(tmp_path, on_call) as watched:
            await asyncio.sleep(0.1)
            assert watched.events == []
            other.close()
            os.close(lock)
            await watched.until(EventKind.RESTING)
            assert await call(tmp_path / "forge.sock")

    asyncio.run(scenario())


def test_a_unit_on_call_whose_socket_cannot_be_is_misconfigured(tmp_path):
    async def scenario():
        on_call = unit("forge", ON_CALL, listens_at=tmp_path / ("x" * 120))
        async with supervised(tmp_path, on_call) as watched:
            await watched.until(EventKind.MISCONFIGURED)

        assert "nothing can listen at" in watched.status("forge").reason

    asyncio.run(scenario())


def ordering(home, *orders):
    """Give a body that sends one order after the other, each as soon as a file of its number is there."""
    steps = "".join(
        f"\nwhile not os.path.exists({str(home / str(place))!r}): time.sleep(0.01); tell('WATCHDOG=1')\ntell({order!r})"
        for place, order in enumerate(orders)
    )
    return f"tell('READY=1'){steps}\nrun_on()"


def test_a_reserve_runs_and_rests_by_order(tmp_path):
    async def scenario():
        coordinator = unit("coordinator", ordering(tmp_path, "X_CFSM_WAKE=b", "X_CFSM_REST=b"), may_order=True)
        async with supervised(tmp_path, coordinator, unit("b", is_reserve=True)) as watched:
            await watched.until(EventKind.RESTING, "b")

            (tmp_path / "0").touch()
            await watched.until(EventKind.READY, "b")
            (tmp_path / "1").touch()
            await watched.until(EventKind.RESTING, "b", times=2)
            assert watched.status("b").pid is None

        assert watched.status("b").state is UnitState.STOPPED
        assert watched.status("b").restarts == 0
        assert watched.told(EventKind.EXITED) == []

    asyncio.run(scenario())


def test_a_reserve_that_is_wanted_and_crashes_is_started_again(tmp_path):
    async def scenario():
        coordinator = unit("coordinator", ordering(tmp_path, "X_CFSM_WAKE=b"), may_order=True)
        async with supervised(tmp_path, coordinator, unit("b", is_reserve=True)) as watched:
            (tmp_path / "0").touch()
            ready = await watched.until(EventKind.READY, "b")
            os.kill(ready.pid, signal.SIGKILL)
            await watched.until(EventKind.READY, "b", times=2)

    asyncio.run(scenario())


def test_a_worker_is_started_again_by_order(tmp_path):
    async def scenario():
        coordinator = unit("coordinator", ordering(tmp_path, "X_CFSM_RESTART=projector"), may_order=True)
        async with supervised(tmp_path, coordinator, unit("projector")) as watched:
            first = await watched.until(EventKind.READY, "projector")
            (tmp_path / "0").touch()
            again = await watched.until(EventKind.READY, "projector", times=2)

        assert first.pid != again.pid
        assert watched.status("projector").restarts == 1
        assert watched.told(EventKind.WAITING) == []

    asyncio.run(scenario())


def test_orders_of_who_may_not_give_them_are_not_heard_and_impossible_ones_are_told(tmp_path):
    async def scenario():
        orders = ("X_CFSM_WAKE=nobody", "X_CFSM_REST=worker")
        boss = unit("boss", ordering(tmp_path, *orders), may_order=True)
        worker = unit("worker", "tell('X_CFSM_RESTART=boss'); tell('READY=1'); run_on()")
        async with supervised(tmp_path, boss, worker) as watched:
            await all_ready(watched, "boss", "worker")
            (tmp_path / "0").touch()
            (tmp_path / "1").touch()
            await watched.until(EventKind.IGNORED, times=2)

            assert [event.unit for event in watched.told(EventKind.IGNORED)] == ["nobody", "worker"]
            assert watched.status("boss").restarts == 0
            assert watched.status("worker").state is UnitState.RUNNING

    asyncio.run(scenario())
