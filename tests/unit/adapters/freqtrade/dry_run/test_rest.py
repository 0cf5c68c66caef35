"""What a bot says is not believed beyond what makes sense: strangers' code runs in it."""

import json
from contextlib import contextmanager
from dataclasses import asdict

import pytest

from cfsm.adapters.freqtrade.dry_run import rest as module
from cfsm.adapters.freqtrade.dry_run.bot_config import Access
from cfsm.adapters.freqtrade.dry_run.rest import BotRest
from cfsm.adapters.ollama.scripted.http import LoopbackServer
from cfsm.application.bots import BotsTellNonsense
from cfsm.application.errors import TryAgain
from tests.fakes.forward_tests import BEGIN_MS, trade

OPEN = {
    "pair": "BTC/USDT:USDT",
    "is_short": False,
    "open_timestamp": BEGIN_MS,
    "open_rate": 100.0,
    "stake_amount": 50.0,
    "profit_abs": -1.5,
    "profit_ratio": -0.03,
}


def said(number):
    facts = asdict(trade(BEGIN_MS + number))
    return facts | {
        "open_timestamp": facts["open_date"],
        "close_timestamp": facts["close_date"],
        "is_open": False,
        "open_date": "2025-04-08 00:00:00",
    }


@contextmanager
def bot(trades="[]", status="[]"):
    """A bot that says this; text is sent as it is."""

    async def say(text, writer):
        return await server.answer(writer, 200, text if isinstance(text, str) else json.dumps(text))

    server = LoopbackServer()
    server.routes[("GET", "/api/v1/trades")] = lambda _r, writer, _p, _b: say(trades, writer)
    server.routes[("GET", "/api/v1/status")] = lambda _r, writer, _p, _b: say(status, writer)
    server.routes[("GET", "/api/v1/ping")] = lambda _r, writer, _p, _b: say({"status": "pong"}, writer)
    with server.run_in_thread():
        found = BotRest(Access(int(server.url.rpartition(":")[2]), "user", "password", "x", "y"))
        try:
            yield found
        finally:
            found.close()


def test_closed_trades_are_told():
    with bot({"trades": [said(0), said(1)]}) as rest:
        assert [each.open_date for each in rest.closed()] == [BEGIN_MS, BEGIN_MS + 1]
        assert rest.is_there()


def test_open_trades_are_no_closed_ones():
    with bot({"trades": [said(0), said(1) | {"is_open": True, "close_timestamp": None}]}, [OPEN]) as rest:
        assert len(rest.closed()) == 1
        assert rest.open()[0].profit_abs == -1.5


@pytest.mark.parametrize(
    "trades",
    [
        "not json",
        "[]",
        '{"trades": 7}',
        '{"trades": [7]}',
        json.dumps({"trades": [said(0) | {"profit_abs": 1e30}]}),
        json.dumps({"trades": [said(0) | {"close_timestamp": 5}]}),
        '{"trades": [{}]}',
    ],
)
def test_nonsense_for_trades_is_named_so(trades):
    with bot(trades) as rest, pytest.raises(BotsTellNonsense):
        rest.closed()


@pytest.mark.parametrize(
    "status", ["{}", "[7]", "[{}]", json.dumps([OPEN | {"profit_abs": 1e30}]), json.dumps([OPEN | {"open_rate": "x"}])]
)
def test_nonsense_for_open_trades_is_named_so(status):
    with bot(status=status) as rest, pytest.raises(BotsTellNonsense):
        rest.open()


def test_an_answer_that_does_not_end_is_cut_off(monkeypatch):
    monkeypatch.setattr(module, "MAX_ANSWER_BYTES", 1_000)
    with bot("[" + " " * 5_000 + "]") as rest, pytest.raises(BotsTellNonsense, match="does not end"):
        rest.closed()


def test_a_list_of_trades_that_does_not_end_is_cut_off(monkeypatch):
    monkeypatch.setattr(module, "PAGE", 2)
    monkeypatch.setattr(module, "MAX_TRADES", 10)
    with bot({"trades": [said(0), said(1)]}) as rest, pytest.raises(BotsTellNonsense, match="more than 10"):
        rest.closed()


def test_a_bot_that_is_not_there_is_waited_for():
    rest = BotRest(Access(9, "user", "password", "x", "y"))

    assert not rest.is_there()
    with pytest.raises(TryAgain):
        rest.open()
    rest.close()


def test_credentials_are_not_shown():
    assert "password" not in repr(Access(1, "user", "password", "x", "y"))
