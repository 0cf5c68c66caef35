"""What an installation of units is made of: this interpreter, this home, its settings."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cfsm.adapters.home import RUN_FOLDER
from cfsm.bootstrap.house import House
from cfsm.bootstrap.units import forge_argv
from cfsm.bootstrap.workers import ROLES, least_instances, most_instances

if TYPE_CHECKING:  # imported where they are used
    from cfsm.adapters.units.layout import Layout
    from cfsm.adapters.units.rendering import Installation


def installation(house: House, layout: "Layout") -> "Installation":
    """Give the installation of this home in a layout. Raise Misconfigured for what cannot stand in a unit."""
    from cfsm.adapters.units.rendering import Installation, calendar_of

    settings = house.settings
    workers = settings.workers
    least = least_instances(house)
    calendar = {}
    if settings.generation.interval_seconds:
        calendar["generation"] = calendar_of(settings.generation.interval_seconds)
    if settings.backtest.auto_backtest and settings.backtest.interval_seconds:
        calendar["reevaluation"] = calendar_of(settings.backtest.interval_seconds)
    if settings.retention.cleanup_old_strategies:
        calendar["cleaning"] = f"*-*-* {settings.retention.cleaning_time}:00"
    return Installation(
        layout=layout,
        python=Path(sys.executable),
        home=house.path,
        forge=forge_argv(house, house.path / RUN_FOLDER / "forge.sock"),
        workers=[(role, least[role]) for role in ROLES],
        calendar=calendar,
        watchdog_seconds=workers.watchdog_seconds,
        start_seconds=workers.start_timeout_seconds,
        stop_seconds=workers.stop_timeout_seconds,
        config=house.file and house.file.absolute(),
        profile=house.profile,
        bot_memory_mb=settings.forward_test.bot_memory_mb,
        most=most_instances(house),
    )
