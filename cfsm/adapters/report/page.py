"""The page: everything in one file, and a policy that forbids it to load anything."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from cfsm.adapters.report import sections
from cfsm.adapters.report.markup import NOTHING, Markup, element, join
from cfsm.domain.equity import EquityCurve
from cfsm.domain.trades import Trade


@dataclass(frozen=True)
class LastBacktest:
    """A backtest with its trades; ``figures`` are as recorded, Freqtrade's under ``freqtrade``."""

    figures: Mapping[str, Any]
    conditions: Mapping[str, Any]
    trades: tuple[Trade, ...]
    curve: EquityCurve


@dataclass(frozen=True)
class Report:
    """What is told of a strategy. All of it may be text of strangers.

    ``more_facts`` are those that take a line each; ``notices`` stand at the top; ``findings`` have run, code, line,
    message and what_to_do; ``events`` are place in the log, time, name and words; ``head`` is the last event that the
    report knows.
    """

    name: str
    facts: Mapping[str, Any]
    more_facts: Mapping[str, Any]
    notices: Sequence[str]
    lineage: Sequence[str]
    findings: Sequence[Mapping[str, Any]]
    events: Sequence[tuple[int, str, str, str]]
    hashes: Mapping[str, str]
    source: str
    head: int
    tested: LastBacktest | None = None


def render(report: Report) -> str:
    """Give the page; the same report gives the same bytes."""
    body = element(
        "body",
        element(
            "header", element("h1", report.name), *(element("p", text, class_="notice") for text in report.notices)
        ),
        element("main", *_sections(report)),
        element(
            "footer", f"Made by CFSM from its log up to event {report.head}. Audit it: cfsm audit {report.name} --rerun"
        ),
        element("script", Markup(_file("sort.js"))),
    )
    return "<!DOCTYPE html>\n" + element("html", _head(report.name), body, lang="en") + "\n"


def _sections(report: Report) -> Sequence[Markup]:
    tested = report.tested
    return [
        sections.headline(tested.figures) if tested else NOTHING,
        sections.section("Strategy", sections.facts(report.facts), sections.facts(report.more_facts, wide=True)),
        _tested(tested) if tested else sections.section("Backtest", element("p", "It was not backtested yet.")),
        sections.findings(report.findings),
        sections.section("Lineage", element("ul", *(element("li", line) for line in report.lineage))),
        sections.events(report.events),
        sections.section("Hashes", _hashes(report.hashes)),
        sections.code(report.source),
    ]


def _hashes(hashes: Mapping[str, str]) -> Markup:
    return sections.facts({name: element("code", value) for name, value in hashes.items()}, wide=True)


def _tested(tested: LastBacktest) -> Markup:
    return join(
        sections.curves(tested.curve),
        sections.months_of(tested.trades, tested.curve),
        sections.parts(tested.figures),
        sections.figures(tested.figures),
        sections.trades(tested.trades),
        sections.section("Conditions of the backtest", sections.facts(tested.conditions)),
    )


def _head(title: str) -> Markup:
    script = b64encode(sha256(_file("sort.js").encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{script}'"
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{title} - CFSM"),
        element("link", rel="icon", href="data:,"),
        element("style", Markup(_file("page.css"))),
        NOTHING,
    )


@cache
def _file(name: str) -> str:
    return files("cfsm.adapters.report").joinpath(name).read_text("utf-8")
