"""Nothing that is given as text becomes markup."""

import pytest

from cfsm.adapters.report.markup import Markup, element, join


def test_text_is_escaped_and_markup_is_not():
    assert element("p", "a < b & c", element("b", "<i>")) == "<p>a &lt; b &amp; c<b>&lt;i&gt;</b></p>"


def test_attributes_are_quoted_and_those_without_a_value_left_out():
    made = element("td", class_='"><script>', data_by="1", title=None)

    assert made == '<td class="&quot;&gt;&lt;script&gt;" data-by="1"></td>'


def test_an_element_without_content_has_no_end():
    assert element("meta", name_="viewport") == '<meta name="viewport">'


@pytest.mark.parametrize("text", ["\x1b[2J", "\x00", "abc\u202edef", "\ud800"])
def test_what_has_no_shape_is_spelled_out(text):
    shown = join(text)

    assert text not in shown
    assert "\\" in shown
    shown.encode()


def test_layout_of_code_is_kept():
    assert join("if a:\n\tb") == "if a:\n\tb"


def test_numbers_and_nothing_can_be_given():
    assert join(3, Markup("<br>"), "") == "3<br>"
