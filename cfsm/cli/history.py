"""``cfsm history``: read, replay, follow and verify the log of events."""

import time
from typing import Any
from uuid import UUID

import rich_click as click

from cfsm.application.history import Happening, History, moment_of
from cfsm.bootstrap import House
from cfsm.cli.completing import strategy_names
from cfsm.cli.output import EXIT_FAILED, as_json, print_json, print_json_line, say, talk
from cfsm.cli.strategies import find
from cfsm.cli.telling import in_words

LONGEST_ID = 19
"""Digits of the greatest id that a database counts to."""


@click.group()
def history() -> None:
    """Read, replay, follow and verify the log of events."""


@history.command()
@click.argument("strategy", shell_complete=strategy_names)
@as_json
@click.pass_obj
def show(house: House, strategy: str, as_json: bool) -> None:
    """Show what happened to a strategy, in order: its generation, its runs, its forward tests, its life.

    JSON lines with --json.
    """
    from cfsm.projections.forward_tests import ForwardTestsView
    from cfsm.projections.runs import RunsView

    found = find(house, strategy)
    runs = house.view(RunsView).select(strategy=found.id)
    tests = house.view(ForwardTestsView).select(strategy=found.id)
    originators = [UUID(found.id), *(UUID(run.id) for run in runs), *(UUID(test.id) for test in tests)]
    if found.generation_id:
        originators.append(UUID(found.generation_id))
    for happening in History(house.factory.store).of(originators):
        _print(happening, as_json=as_json)


@history.command()
@click.option("--at", help="A moment, ISO 8601, such as 2026-11-21T14:30 (local time) or …+00:00.")
@click.option("--event", type=click.IntRange(min=0), help="The id of an event.")
@click.option("--speed", type=click.FloatRange(min=0, min_open=True), help="Play events, this many times as fast.")
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="Places of the leaderboard.")
@as_json
@click.pass_obj
def replay(house: House, at: str | None, event: int | None, speed: float | None, limit: int, as_json: bool) -> None:
    """Show metadata and leaderboard as they were, folded from the log; or play events with --speed.

    \b
    Examples:
      cfsm history replay --event 100
      cfsm history replay --at 2026-11-21T14:30 --json
      cfsm history replay --speed 60
    """
    past = History(house.factory.store)
    if at is not None and event is not None:
        raise click.UsageError("give --at or --event, not both")
    until = past.head() if event is None else min(event, past.head())
    if at is not None:
        try:
            until = past.place_at(moment_of(at))
        except ValueError as error:
            raise click.BadParameter(f"{at!r} is no moment: {error}", param_hint="--at") from error
    if speed is not None:
        _play(past, until, speed, as_json=as_json)
    else:
        _fold(house, until, limit, as_json=as_json)


def _fold(house: House, until: int, limit: int, *, as_json: bool) -> None:
    from cfsm.cli import leaderboard
    from cfsm.projections.leaderboard import LeaderboardView
    from cfsm.projections.reading import fold
    from cfsm.projections.strategies import StrategiesView

    strategies = fold(StrategiesView, house.factory.store, until)
    board = fold(LeaderboardView, house.factory.store, until)
    if as_json:
        import orjson

        places = [contender.as_mapping() for contender in board.top(limit, house.proof_rules)]
        metadata = orjson.loads(strategies.metadata_json(include_retired=True))
        print_json({"event": until, "strategies": metadata, "leaderboard": places})
        return
    say(f"after event {until}:")
    for each in strategies.select():
        say(f"  {each.name}  {each.state}  {each.retired_reason}".rstrip())
    leaderboard.show(board, house, limit, include_retired=False, as_json=False)


def _play(past: History, until: int, speed: float, *, as_json: bool) -> None:
    before = None
    for happening in past.between(0, until):
        if before is not None:
            time.sleep(max(0.0, (happening.at - before).total_seconds() / speed))
        before = happening.at
        _print(happening, as_json=as_json)


@history.command()
@click.option("--after", type=click.IntRange(min=0), help="Begin after this event. [default: the last one]")
@as_json
@click.pass_obj
def follow(house: House, after: int | None, as_json: bool) -> None:
    """Print events as they happen, until Ctrl+C."""
    past = History(house.factory.store)
    bell = house.open_bell()

    def wait() -> bool:
        bell.wait(1.0)
        return True

    try:
        for happening in past.follow(past.head() if after is None else after, wait):
            _print(happening, as_json=as_json)
    finally:
        bell.close()


@history.command()
@click.option("--head", help="A head that an earlier verification printed: it must be in the log.")
@click.option(
    "--journal", is_flag=True, help="Every head that the factory noted in systemd's journal must be in the log."
)
@as_json
@click.pass_obj
def verify(house: House, head: str | None, journal: bool, as_json: bool) -> int:
    """Hold the log against its hash chain; name the first event that was altered, removed or inserted.

    A log that was written anew as a whole holds together too: a head that was noted elsewhere shows it.
    """
    if journal:
        return _verify_by_journal(house, as_json=as_json)
    store = house.factory.store
    known = head is None or _is_in(store, head)
    report = store.verify_chain()
    holds = report.broken is None
    if as_json:
        broken = None if report.broken is None else {"id": report.broken.id, "what": report.broken.what}
        shown = _head_of(store) if holds else ""
        print_json({"events": report.events, "head": shown, "broken": broken, "head_known": known})
    elif report.broken is not None:
        say(f"event {report.broken.id} was {report.broken.what}; the {report.events} events before it hold")
    elif not known:
        say(f"{report.events} events hold together, but the head {head} is not among them: this is another log")
    else:
        say(f"{report.events} events, none altered, removed or inserted; head {_head_of(store) or '-'}")
    if holds and known:
        return 0
    talk("If this is not your doing, restore a backup with `cfsm restore FILE --replace`.")
    return EXIT_FAILED


def _verify_by_journal(house: House, *, as_json: bool) -> int:
    from dataclasses import asdict

    from cfsm.adapters.units.heads import noted_heads

    store = house.factory.store
    report = store.verify_chain()
    heads = noted_heads(house.path)
    lost = next((head for head in heads if store.chain_link(head.place) != head.link), None)
    if as_json:
        broken = None if report.broken is None else {"id": report.broken.id, "what": report.broken.what}
        print_json({"events": report.events, "broken": broken, "heads": len(heads), "lost": lost and asdict(lost)})
    elif report.broken is not None:
        say(f"event {report.broken.id} was {report.broken.what}; the {report.events} events before it hold")
    elif not heads:
        say(f"{report.events} events hold together, but the journal has no head of this factory to hold them against")
    elif lost is not None:
        say(
            f"the head of event {lost.place}, noted at {lost.at.astimezone():%F %T}, is not among {report.events} "
            "events that hold together: this is another log"
        )
    else:
        say(
            f"{report.events} events, none altered, removed or inserted; "
            f"{len(heads)} heads that the journal noted up to event {heads[-1].place} are among them"
        )
    return 0 if heads and lost is None and report.broken is None else EXIT_FAILED


def _head_of(store: Any) -> str:
    """Give the place and the link of the last event, to be written down; empty for an empty log."""
    place, link = store.chain_head()
    return f"{place}:{link}" if place else ""


def _is_in(store: Any, head: str) -> bool:
    place, separator, link = head.partition(":")
    if not (separator and place.isascii() and place.isdigit() and len(place) < LONGEST_ID and link):
        raise click.BadParameter(f"{head!r} is no head: it reads as 123:0f2c…", param_hint="--head")
    return bool(store.chain_link(int(place)) == link.lower())


def _print(happening: Happening, *, as_json: bool) -> None:
    if as_json:
        print_json_line(happening.as_mapping())
    else:
        say(in_words(happening))
