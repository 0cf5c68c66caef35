"""The application: looks at the factory again and again, in a thread of its own, and lays out what it sees."""

import asyncio
import signal
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Footer, Static

from cfsm.application.errors import Misconfigured, TryAgain
from cfsm.application.history import Happening, History
from cfsm.bootstrap import House
from cfsm.bootstrap.observing import Observer, Overview
from cfsm.bootstrap.workers import admission_rules_of
from cfsm.cli.live import panels
from cfsm.domain.evaluation import Evaluation

EVENTS_SHOWN = 100
"""How many events are kept. The stages of runs are not among them: how far each is stands above."""

EVENTS_READ = 1_000
"""How many are read at one look at most, the last ones."""


class Top(App[None]):
    """Shows the factory of a home. What it shows at any moment is ``overview`` and ``happenings``."""

    TITLE = "cfsm top"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "End"),
        Binding("ctrl+c", "quit", "End", show=False, priority=True),
        Binding("p", "hold", "Hold still / go on"),
    ]
    CSS = """
    Static.panel { border: round $primary-darken-2; border-title-color: $text; padding: 0 1; height: auto; }
    #machine { width: 58; }
    #runs { width: 1fr; }
    #middle { height: auto; }
    #middle Static { height: 100%; min-height: 7; }
    .-narrow #middle { layout: vertical; }
    .-narrow #middle Static { width: 100%; height: auto; min-height: 3; }
    #head { padding: 0 1; height: auto; }
    #trouble { color: $error; padding: 0 1; height: auto; display: none; }
    """

    def __init__(self, house: House, interval_seconds: float) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]
        self.overview: Overview | None = None
        self.happenings: deque[Happening] = deque(maxlen=EVENTS_SHOWN)
        self._house = house
        self._rules = admission_rules_of(house)
        self._interval_seconds = interval_seconds
        self._eye = ThreadPoolExecutor(1, "look")
        self._observer = Observer(house)
        self._history = History(house.factory.store)
        self._is_held = False
        self._told_until = 0

    def compose(self) -> ComposeResult:
        """Lay out the panels."""
        yield Static(id="head")
        yield Static(id="trouble")
        with VerticalScroll():
            for name, title in (("pipeline", "pipeline"), ("workers", "workers")):
                yield _panel(name, title)
            with Horizontal(id="middle"):
                yield _panel("runs", "work")
                yield _panel("machine", "machine")
            yield _panel("parked", "parked")
            yield _panel("events", "last events")
        yield Footer()

    async def on_mount(self) -> None:
        """Begin to look."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.exit)  # the terminal is given back as it was
        self.run_worker(self._look_on(), exclusive=True)

    def on_unmount(self) -> None:
        """Look no more."""
        self._eye.shutdown(wait=False, cancel_futures=True)

    def action_hold(self) -> None:
        """Hold the picture still, or let it go on."""
        self._is_held = not self._is_held
        self.query_one("#events", Static).border_title = "held still: p goes on" if self._is_held else "last events"

    async def _look_on(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            if not self._is_held:
                await self.look()
            await asyncio.sleep(max(0.05, self._interval_seconds - (loop.time() - began)))

    async def look(self) -> None:
        """Look once and show it; where that fails, what was seen last stays with the reason."""
        try:
            overview, new = await asyncio.get_running_loop().run_in_executor(self._eye, self._seen)
        except (TryAgain, Misconfigured, OSError) as error:
            self._say(f"this is what was seen last: {error}")
            return
        self._say("")
        self.overview = overview
        self.happenings.extend(new)
        self._show(overview)

    def _seen(self) -> tuple[Overview, list[Happening]]:
        overview = self._observer.look()
        new = list(self._history.between(max(0, self._told_until, overview.events - EVENTS_READ)))
        self._told_until = new[-1].id if new else self._told_until
        return overview, [each for each in new if each.topic != Evaluation.StageReached.TOPIC]

    def _show(self, overview: Overview) -> None:
        now = datetime.now(UTC)
        shown = {
            "head": panels.head(overview, str(self._house.path), self._house.settings.profile, now),
            "pipeline": panels.pipeline(overview),
            "workers": panels.workers(overview),
            "runs": panels.runs(overview, now),
            "machine": panels.machine(overview, self._rules),
            "parked": panels.parked(overview),
            "events": panels.events(self.happenings),
        }
        for name, content in shown.items():
            self.query_one(f"#{name}", Static).update(content)
        self.query_one("#parked").display = bool(overview.parked)
        self.query_one("#workers").display = bool(overview.workers)

    def _say(self, trouble: str) -> None:
        line = self.query_one("#trouble", Static)
        line.display = bool(trouble)
        line.update(trouble)


def _panel(name: str, title: str) -> Static:
    panel = Static(id=name, classes="panel")
    panel.border_title = title
    return panel
