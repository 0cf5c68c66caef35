"""Tables of trades."""

import re
from xml.etree import ElementTree as ET

from cfsm.adapters.report import tables
from cfsm.adapters.report.tables import all_trades, calendar, groups, months
from cfsm.domain.equity import equity_curve
from tests.fakes.trades import END, START, a_trade, closed_on


def cells(markup):
    """The texts of the cells, row by row."""
    return [["".join(cell.itertext()) for cell in row] for row in ET.fromstring(markup).iter("tr")]


def test_months_have_a_row_each_and_a_loss_is_marked():
    trades = [closed_on(3, 10.0), closed_on(40, -50.5), closed_on(41, 0.5)]

    made = months(trades, equity_curve(trades, 1000.0, START, END))

    assert cells(made)[1:] == [
        ["2025-01", "1", "100.00 %", "10.00", "1.00 %", "1010.00"],
        ["2025-02", "2", "50.00 %", "-50.00", "-4.95 %", "960.00"],
    ]
    assert '<span class="loss">-50.00</span>' in made


def test_the_calendar_has_a_row_for_each_year_and_colours_what_was_much():
    trades = [closed_on(3, 100.0), closed_on(40, -20.0)]

    text = calendar(trades, equity_curve(trades, 1000.0, START, END))

    assert "2025" in text
    assert ">10.0<" in text
    assert "--strength: 60%" in text
    assert "number loss" in text


def test_groups_come_with_the_most_profitable_first():
    trades = [a_trade(exit_reason="stop", profit_abs=-5.0), a_trade(profit_abs=2.0), a_trade(profit_abs=-1.0)]

    made = groups(trades, "exit reason", lambda trade: trade.exit_reason)

    assert cells(made)[1:] == [["roi", "2", "50.00 %", "1.00"], ["stop", "1", "0.00 %", "-5.00"]]


def test_a_trade_shows_what_it_was_and_is_sorted_by_its_numbers():
    made = all_trades([a_trade(is_short=True, enter_tag="dip", profit_abs=-1.25)])

    (row,) = cells(made)[1:]
    assert row[1:6] == ["BTC/USDT:USDT", "short", "2025-01-01 00:00", "2025-01-01 01:00", "1h 0m"]
    assert row[-2:] == ["roi", "dip"]
    assert '<td class="number loss" data-by="-1.25">-1.2500</td>' in made


def test_tags_and_reasons_of_strangers_are_text():
    made = all_trades([a_trade(exit_reason="<script>alert(1)</script>", enter_tag='"><img src=x>')])

    assert not re.search(r"<(script|img)", made)


def test_of_too_many_trades_the_first_are_shown_and_the_rest_is_counted(monkeypatch):
    monkeypatch.setattr(tables, "MOST_TRADES", 2)

    made = all_trades([a_trade()] * 5)

    assert made.count("<tr>") == 1 + 2
    assert "3 more trades are not shown." in made
