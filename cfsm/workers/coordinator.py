"""The clock -> what is due by the calendar is asked for."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import ClassVar

from cfsm.application.ports import Clock, TryAgain
from cfsm.domain.chain import HEAD_NOTED
from cfsm.domain.retention import Summary
from cfsm.workers.base import Equipment, Worker
from cfsm.workers.calendar import Calendar, Reminder, day_of, slot_of

LOOK_SECONDS = 60.0
"""How often is looked who is old enough for another backtest, who is good enough to be optimised, and whether there is
room again for strategies."""


class CoordinatorWorker(Worker):
    """Asks for what the calendar says; where systemd's timers ask, the calendar it is given is empty."""

    name: ClassVar[str] = "coordinator"

    def __init__(
        self,
        equipment: Equipment,
        clock: Clock,
        calendar: Calendar,
        summaries: Callable[[], Sequence[Summary]],
        upkeep: Callable[[], None] = lambda: None,
    ) -> None:
        """``upkeep`` is called at every step and looks after the processes, as often as it likes."""
        super().__init__(equipment)
        self._reminder = Reminder(self.factory, calendar, summaries)
        self._clock = clock
        self._calendar = calendar
        self._upkeep = upkeep
        self._asked: dict[str, str] = {}
        """The last slot of each part that needs no more asking by this process: the event store is asked once."""
        self._paused = ""
        self._noted = 0

    def run(self) -> None:
        """Work until told to stop; note the log's head then too."""
        try:
            super().run()
        finally:
            with suppress(TryAgain):
                self._note_head()

    def step(self) -> bool:
        """Ask for what is due and was not asked for."""
        now = self._clock.now()
        calendar = self._calendar
        self._once("generation", slot_of(now, calendar.generation_seconds), lambda: self._generation(now))
        self._once("look", slot_of(now, min(calendar.backtest_seconds, LOOK_SECONDS)), lambda: self._backtests(now))
        self._once("optimization", slot_of(now, LOOK_SECONDS), self._reminder.optimizations)
        self._once("cleaning", day_of(now, calendar.cleaning_time), lambda: self._reminder.cleaning(now))
        self._upkeep()
        self._once("head", slot_of(now, LOOK_SECONDS), self._note_head)
        self.say(self._paused or "idle")
        return False

    def _once(self, part: str, slot: str | None, ask: Callable[[], object]) -> None:
        """Ask once a slot; again, if it failed or was given up as False."""
        if slot is not None and self._asked.get(part) != slot and ask() is not False:
            self._asked[part] = slot

    def _generation(self, now: datetime) -> bool:
        if not self._has_room(now):
            return False
        self._reminder.generation(now)
        return True

    def _has_room(self, now: datetime) -> bool:
        """Say whether one more strategy may be made; where not, it is looked again a minute later."""
        look = slot_of(now, LOOK_SECONDS)
        if self._paused and self._asked.get("room") == look:
            return False
        before = self._paused
        self._paused = self._reminder.why_paused()
        if self._paused:
            self._asked["room"] = str(look)
        if bool(before) != bool(self._paused):
            self.log.info(self._paused or "generation goes on: there is room again")
        return not self._paused

    def _note_head(self) -> None:
        """Log the place and the link of the last event, unless that was done before."""
        place, link = self.factory.store.chain_head()
        if place > self._noted:
            self.log.info("the log's head", EVENT=HEAD_NOTED, CHAIN_PLACE=place, CHAIN_LINK=link)
            self._noted = place

    def _backtests(self, now: datetime) -> None:
        self._reminder.backtests(self._reminder.old_enough(now))
