"""The page of a report."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from cfsm.adapters.report import sections
from cfsm.adapters.report.page import LastBacktest, Report, render
from cfsm.domain.equity import equity_curve
from cfsm.domain.metrics import measure
from tests.fakes.trades import END, START, closed_on

HOSTILE = "</script></style></title></pre>\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
TRADES = (closed_on(3, 10.0), closed_on(9, -4.0), closed_on(40, 7.5, is_short=True))


def backtested(trades=TRADES, **changes):
    figures = {**measure(trades, 1000.0, START, END).figures(), "freqtrade": {"sharpe": 6.05, "sqn": 1.5}}
    return LastBacktest({**figures, **changes}, {"dataset": "d"}, trades, equity_curve(trades, 1000.0, START, END))


def report(**changes):
    given = Report(
        name="TrendStrategy_phi3_20261121_093000",
        facts={"Origin": "model", "Made by": "phi3"},
        more_facts={"Id": "4711"},
        notices=["The candles are synthetic."],
        lineage=["single trend → generated → TrendStrategy_phi3_20261121_093000"],
        findings=[{"run": "validation", "code": "LEVERAGE", "line": 7, "message": "m", "what_to_do": "w"}],
        events=[(1, "2026-11-21 09:30:00", "Strategy.Generated", "words")],
        hashes={"Code": "ab" * 32},
        source="class A:\n    pass\n",
        head=12,
        tested=backtested(),
    )
    return replace(given, **changes)


class Tags(HTMLParser):
    """Counts the elements, and checks that each is closed where it should be."""

    VOID = frozenset({"meta", "link", "br"})

    def __init__(self, page):
        super().__init__()
        self.names, self.addresses, self._open = [], [], []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.names.append(tag)
        self.addresses += [value for name, value in attributes if name in {"src", "href", "action", "data", "srcset"}]
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag


def test_it_tells_everything_that_it_was_given():
    page = render(report())

    for text in (
        "TrendStrategy_phi3_20261121_093000",
        "The candles are synthetic.",
        "Origin",
        "sharpe (another definition)",
        "6.05",
        "sqn",
        "LEVERAGE",
        "Strategy.Generated",
        "ab" * 32,
        "class A:",
        "up to event 12",
    ):
        assert text in page, text
    assert Tags(page).names.count("svg") == 2


def test_the_same_report_gives_the_same_bytes():
    assert render(report()) == render(report())


def test_it_needs_no_other_file_and_no_network():
    page = render(report())

    assert Tags(page).addresses == ["data:,"]
    assert not re.search(r"url\(|@import|fetch\(|https?:", page)


def test_its_policy_lets_its_own_script_run_and_nothing_else():
    page = render(report())

    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert "default-src &#x27;none&#x27;" in policy
    assert f"sha256-{b64encode(sha256(script.encode()).digest()).decode()}" in policy


@pytest.mark.parametrize(
    "changes",
    [
        {"name": HOSTILE},
        {"facts": {HOSTILE: HOSTILE}},
        {"more_facts": {HOSTILE: HOSTILE}},
        {"notices": [HOSTILE]},
        {"lineage": [HOSTILE]},
        {"findings": [dict.fromkeys(("run", "code", "line", "message", "what_to_do"), HOSTILE)]},
        {"events": [(1, HOSTILE, HOSTILE, HOSTILE)]},
        {"hashes": {HOSTILE: HOSTILE}},
        {"source": HOSTILE},
        {"tested": replace(backtested(), conditions={HOSTILE: HOSTILE})},
        {"tested": backtested(freqtrade={HOSTILE: HOSTILE, "sharpe": HOSTILE})},
        {"tested": backtested(trades=(closed_on(3, 1.0, pair=HOSTILE, exit_reason=HOSTILE, enter_tag=HOSTILE),))},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_no_text_of_a_stranger_becomes_markup(changes):
    page = render(report(**changes))

    names = Tags(page).names
    assert (names.count("script"), names.count("img"), names.count("title")) == (1, 0, 1 + names.count("svg"))
    assert "<script>alert" not in page


def test_a_strategy_that_was_not_backtested_has_a_report_too():
    page = render(report(tested=None, findings=[], lineage=[]))

    assert "It was not backtested yet." in page
    assert "svg" not in Tags(page).names


def test_a_backtest_without_trades_has_a_flat_curve():
    page = render(report(tested=backtested(trades=())))

    assert "There are none." in page
    assert Tags(page).names.count("svg") == 2


def test_of_very_many_events_the_last_are_shown(monkeypatch):
    monkeypatch.setattr(sections, "MOST_EVENTS", 2)

    page = render(report(events=[(place, "at", "what", f"event number {place}") for place in range(5)]))

    assert "3 earlier events are not shown." in page
    assert "event number 4" in page
    assert "event number 2" not in page
