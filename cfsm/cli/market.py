"""``cfsm market``: the gateway between bots and exchange."""

from collections.abc import Iterator
from typing import Any

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.output import as_json, print_facts, print_json


@click.group()
def market() -> None:
    """Show how the market gateway fares."""


@market.command()
@as_json
@click.pass_obj
def status(house: House, as_json: bool) -> None:
    """Show what was asked of the gateway and of the exchange behind it, what was saved, and whether it is well.

    \b
    Examples:
      cfsm market status
      cfsm market status --json | jq .live.saved_percent
    """
    from cfsm.bootstrap.market import gateway_status

    said = gateway_status(house)
    if as_json:
        print_json(said)
    else:
        print_facts(dict(_facts(said)))


def _facts(said: dict[str, Any]) -> Iterator[tuple[str, object]]:
    latency = said["latency_ms"]
    yield "replays", said["replays"]
    yield "datasets", ", ".join(said["datasets"]) or "-"
    yield "requests", said["requests"]
    yield "latency", f"{latency['p50']} ms (median), {latency['p99']} ms (p99)" if latency else "-"
    live = said["live"]
    if not live:
        yield "live exchange", "none"
        return
    yield "live exchange", live["upstream"]
    yield "asked by bots", live["requests"]
    yield "asked upstream", live["upstream_requests"]
    yield "saved", f"{live['saved_percent']:.1f} %"
    yield "hit rate", f"{live['hit_percent']:.1f} %"
    yield "cache", f"{live['cache_entries']} answers, {live['cache_bytes'] / 2**20:.1f} MB"
    yield "weight used", f"{live['weight_used']} of {live['weight_limit']} this minute"
    yield "breaker", live["breaker"]
    yield "bans", live["bans"]
