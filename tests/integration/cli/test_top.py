"""``cfsm top`` as its user sees it."""

import asyncio
import os
import pty
import re
import signal
import subprocess
import sys
import time

import pytest

from cfsm.application.errors import TryAgain
from cfsm.bootstrap.observing import Observer
from cfsm.cli.live.app import Top
from cfsm.domain.housekeeping import Cleaning
from cfsm.domain.lifecycle import State
from tests.fakes.home import NAMES, Cli, house_at, tell


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    tell(home)
    return home


def screen(app):
    """Give what is on the screen, as text."""
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in lines)


def looking(home, scenario, size=(140, 60)):
    """Run a scenario with the application on a home, after its first look."""
    house = house_at(home)

    async def run():
        app = Top(house, interval_seconds=3600)
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: app.overview is not None)
            await pilot.pause()
            await scenario(app, pilot)

    asyncio.run(run())
    house.factory.close()


async def until(pilot, holds):
    async with asyncio.timeout(30):
        while not holds():
            await pilot.pause(0.02)


def test_what_is_shown_is_what_the_projections_say(home):
    observed = Observer(house_at(home)).look(wait=True)

    async def scenario(app, pilot):
        shown = screen(app)
        for state in State:
            assert f"{state.value} {observed.pipeline[state]}" in shown
        made, runs = observed.generations, observed.evaluations
        assert f"asked for {made.requested}, made {made.concluded}, failed {made.failed}" in shown
        assert f"runs {runs.requested}, completed {runs.concluded}, failed {runs.failed}" in shown
        assert "backtest/1  3 attempts: no memory" in shown
        assert "not running" in shown
        assert "Strategy.Retired" in shown
        assert f"  {observed.events}  " in shown

    looking(home, scenario)


def test_what_the_machine_has_left_is_shown(home):
    async def scenario(app, pilot):
        shown = screen(app)
        left = re.search(r"disk left\s+([0-9.]+) ([GT]B|MB)", shown)
        assert left is not None
        megabytes = float(left[1]) * {"MB": 1, "GB": 1024, "TB": 1024**2}[left[2]]
        assert megabytes == pytest.approx(app.overview.machine.disk_free_mb, rel=0.06)

    looking(home, scenario)


def test_news_come_with_the_next_look_and_a_held_picture_stands_still(home):
    async def scenario(app, pilot):
        factory = house_at(home).open_factory("somebody@here")
        before = app.overview.events
        await pilot.press("p")
        assert "held still" in screen(app)
        await pilot.press("p")
        factory.transact(lambda: [Cleaning.request("now", "somebody wants it", factory.stamp())])
        await app.look()
        await pilot.pause()

        assert app.overview.events == before + 1
        assert "Cleaning.Requested" in screen(app)
        assert "[somebody@here]" in screen(app)
        factory.close()

    looking(home, scenario)


def test_when_looking_fails_the_last_picture_stays_with_the_reason(home, monkeypatch):
    async def scenario(app, pilot):
        def away(*_, **__):
            raise TryAgain("the event store is away")

        monkeypatch.setattr(app._observer, "look", away)
        await app.look()
        await pilot.pause()

        shown = screen(app)
        assert "this is what was seen last: the event store is away" in shown
        assert "Backtested 1" in shown

    looking(home, scenario)


def test_it_fits_a_small_terminal(home):
    async def scenario(app, pilot):
        assert "Backtested 1" in screen(app)
        assert all(len(line) <= 80 for line in screen(app).splitlines())

    looking(home, scenario, size=(80, 24))


def test_looking_changes_nothing(home):
    head = house_at(home).factory.store.head()

    async def scenario(app, pilot):
        for _ in range(3):
            await app.look()

    looking(home, scenario)

    assert house_at(home).factory.store.head() == head


def test_q_ends_it(home):
    async def scenario(app, pilot):
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)

    looking(home, scenario)


def test_without_a_terminal_it_says_what_else_there_is(home, capfd):
    result = Cli(home, capfd)("top")

    assert result.code == 1
    assert "cfsm status --json" in result.err


def test_no_other_command_imports_textual(home):
    code = "import sys; sys.argv[1:] = ['status']\nfrom cfsm.__main__ import main\n"
    code += "try: main()\nexcept SystemExit: pass\nassert not {'textual', 'prometheus_client'} & set(sys.modules)"

    subprocess.run([sys.executable, "-c", code], env={**os.environ, "CFSM_HOME": str(home)}, check=True)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_leaves_the_terminal_as_it_was_when_it_is_ended(home, end):
    terminal, inner = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "cfsm", "--home", str(home), "top"],
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"},
    )
    os.close(inner)
    shown = _read_until(terminal, b"Backtested")
    if end is signal.SIGINT:
        os.write(terminal, b"\x03")
    else:
        process.send_signal(end)
    rest = _read_to_end(terminal)

    assert process.wait(30) == 0
    assert b"\x1b[?1049h" in shown
    assert b"\x1b[?1049l" in rest


def _read_until(terminal, words, seconds=60):
    seen, end = b"", time.monotonic() + seconds
    while words not in seen:
        assert time.monotonic() < end, seen
        seen += os.read(terminal, 65536)
    return seen


def _read_to_end(terminal):
    seen = b""
    try:
        while piece := os.read(terminal, 65536):
            seen += piece
    except OSError:  # the last process that had it is gone
        pass
    os.close(terminal)
    return seen


def test_the_names_of_strategies_are_among_the_events(home):
    async def scenario(app, pilot):
        assert any(name in screen(app) for name in NAMES)

    looking(home, scenario)
