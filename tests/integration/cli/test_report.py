"""``cfsm report`` on strategies that the workers evaluated, and its page in a browser."""

import re
from dataclasses import replace

import pytest

from cfsm.domain.strategy import Reason
from tests.fakes import chromium
from tests.fakes.command_engine import CommandEngine
from tests.fakes.evaluated import evaluate
from tests.fakes.workplace import Workplace

GOOD, REFUSED = "GoodStrategy", "RefusedStrategy"
HOSTILE = "<script>document.title = 'owned'</script>"


class Tagging(CommandEngine):
    """An engine whose trades carry markup where a strategy may write what it likes."""

    def _trades(self, job, *span):
        for trade in super()._trades(job, *span):
            yield replace(trade, enter_tag=HOSTILE, exit_reason=f"{HOSTILE} & more")


@pytest.fixture
def cfsm(new):
    """Call a command on a home with a strategy that was backtested and one that was refused."""
    evaluate(new.home, Tagging(), {GOOD: "# trades: 40\n# profit: 0.004", REFUSED: "# trades: 0"})
    return new


@pytest.fixture
def page(cfsm, tmp_path):
    path = tmp_path / "report.html"
    assert cfsm("report", GOOD, "--output", path).code == 0
    return path


def test_the_report_is_written_and_its_place_is_printed(cfsm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    result = cfsm("report", "Good")

    assert (result.code, result.out) == (0, f"{GOOD}.html\n")
    assert (tmp_path / f"{GOOD}.html").read_text().startswith("<!DOCTYPE html>")


def test_it_can_be_piped(cfsm, page):
    result = cfsm("report", GOOD, "-o", "-")

    assert result.out == page.read_text()
    assert result.err == ""


def test_it_tells_where_the_strategy_comes_from_and_that_nothing_is_proven(cfsm, page):
    text = page.read_text()

    for told in (
        "The candles are synthetic: these figures say nothing about a real market.",
        "Not proven: ",
        "predefined",
        f"{GOOD} → evaluated → backtest: backtested",
        "Strategy.Backtested",
        f"cfsm audit {GOOD} --rerun",
        "sharpe (another definition)",
        f"class {GOOD}:",
        "Identity: data_hash",
        "Blob: trades",
        "Trades (40)",
    ):
        assert told in text, told


def test_a_refused_strategy_has_its_findings_and_its_reason(cfsm):
    text = cfsm("report", REFUSED, "-o", "-").out

    assert "It was not backtested yet." in text
    assert "NO_TRADES" in text
    assert "Loosen the conditions." in text
    assert "Retired, invalid: NO_TRADES" in text


def test_words_of_a_stranger_stay_words(cfsm):
    place = Workplace(cfsm.home)
    place.change(lambda strategy, stamp: strategy.retire(Reason.BY_HAND, HOSTILE, stamp), GOOD)
    place.close()

    text = cfsm("report", GOOD, "-o", "-").out

    assert HOSTILE not in text
    assert text.count("<script>") == 1
    assert "&lt;script&gt;document.title" in text


def test_a_place_that_cannot_be_written_is_named(cfsm, tmp_path):
    result = cfsm("report", GOOD, "--output", tmp_path / "nowhere" / "report.html")

    assert result.code == 1
    assert "report.html cannot be written: No such file or directory" in result.err


@pytest.fixture
def browser():
    if chromium.program() is None:
        pytest.skip("Chromium is not installed (Debian: apt install chromium)")
    with chromium.Chromium() as opened:
        yield opened


@pytest.mark.slow
def test_in_a_browser_the_page_renders_sorts_and_loads_nothing(page, browser):
    browser.open(page.as_uri())

    assert browser.evaluate("document.title") == f"{GOOD} - CFSM"
    assert browser.evaluate("document.querySelectorAll('svg').length") == 2
    assert browser.evaluate("document.querySelector('svg').getBoundingClientRect().height") > 100
    assert browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

    profits = "[...document.querySelectorAll('.sortable tbody tr')].map((row) => Number(row.cells[10].dataset.by))"
    click = (
        "[...document.querySelectorAll('.sortable th button')].find((each) => each.textContent === 'profit').click()"
    )
    unsorted = browser.evaluate(profits)
    browser.evaluate(click)
    assert browser.evaluate(profits) == sorted(unsorted)
    browser.evaluate(click)
    assert browser.evaluate(profits) == sorted(unsorted, reverse=True)

    addresses = {request["request"]["url"] for request in browser.heard("Network.requestWillBeSent")}
    assert {address for address in addresses if not address.startswith("data:")} == {page.as_uri()}
    assert browser.heard("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled") == []


@pytest.mark.slow
def test_in_a_browser_its_policy_stops_what_was_smuggled_in(page, browser):
    smuggled = re.sub("</main>", f"{HOSTILE}<img src='http://127.0.0.1:9/x'></main>", page.read_text())
    page.write_text(smuggled)

    browser.open(page.as_uri())

    assert browser.evaluate("document.title") == f"{GOOD} - CFSM"
    refusals = [entry["entry"]["text"] for entry in browser.heard("Log.entryAdded")]
    assert len([text for text in refusals if "Content Security Policy" in text]) == 2
