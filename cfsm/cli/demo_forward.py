"""The last part of ``cfsm demo``: the best strategy in a replayed forward test, held to its backtest."""

import time
from collections.abc import Callable

from cfsm.bootstrap import House
from cfsm.cli.dryrun import tell
from cfsm.cli.output import is_terminal, show_progress, talk
from cfsm.projections.forward_tests import UNDER_WAY, ForwardTestStory, ForwardTestsView

DAYS = 1.0
CANDLES = 96
"""A day, but no more candles than that: a strategy of short candles would keep its user waiting."""

LOOK_SECONDS = 1.0


def forward_test_of_best(house: House, name: str, timeframe: str, goes_on: Callable[[], bool], seconds: float) -> None:
    """Let a bot trade the strategy on held-back candles, with progress, and tell what came; say why where it cannot."""
    from cfsm.adapters.market_data.series import timeframe_ms
    from cfsm.bootstrap.forward_tests import CannotTest, replay_span, request

    reason = _why_not(house)
    if not reason:
        try:
            span = replay_span(house, DAYS, CANDLES * timeframe_ms(timeframe))
            request(house, house.factory, name, why="the best of the demo", span=span)
        except CannotTest as error:
            reason = str(error)
    if reason:
        talk(f"\nNo forward test: {reason}")
        return
    hours = (span.end_ms - span.begin_ms) / 3_600_000
    talk(f"\nForward test: a Freqtrade bot trades {name} on paper, for {hours:g} hours that were held back …")
    begun = time.monotonic()
    test = _wait(house, name, goes_on, seconds)
    if test is None or test.state in UNDER_WAY:
        talk(f"It is not over yet. `cfsm run` goes on with it; `cfsm dryrun show {name}` tells how it stands.")
        return
    talk(f"It took {time.monotonic() - begun:.0f} s.\n")
    tell(test)


def _why_not(house: House) -> str:
    from cfsm.adapters.sandbox.bot_cage import missing_for_bots

    instances = house.settings.workers.instances
    if not (instances.gateway and instances.dry_runner and house.settings.forward_test.max_bots):
        return "workers.instances or forward_test.max_bots say that no bots run on this machine."
    return "; ".join(missing_for_bots())


def _wait(house: House, name: str, goes_on: Callable[[], bool], seconds: float) -> ForwardTestStory | None:
    """Follow the bot until its test is over, the factory ends, or the time is up."""
    from cfsm.cli.runs import progress_of

    bell = house.open_bell()
    deadline = time.monotonic() + seconds
    try:
        while goes_on() and time.monotonic() < deadline:
            test = house.view(ForwardTestsView).latest(name)
            if test is not None and test.state not in UNDER_WAY:
                return test
            if is_terminal():
                said = [words for words in progress_of(house).values() if words.startswith(name)]
                show_progress(said[0] if said else "the bot starts")
            bell.wait(LOOK_SECONDS)
    finally:
        show_progress("")
        bell.close()
    return house.view(ForwardTestsView).latest(name)
