import pytest

from cfsm.domain.intake.loops import loop_start

CODE = "class A(IStrategy):\n" + "".join(f"    x{number} = {number}\n" for number in range(40))


@pytest.mark.parametrize(
    "repeated",
    [
        "    self.low = 0.05\n" * 30,
        "    self.low = 0.05\n    self.high = 0.05\n" * 20,
        " " * 500,
        "\n" * 500,
        "-" * 500,
        "and then and again " * 30,
    ],
)
def test_a_repeating_tail_is_found_where_it_begins(repeated):
    start = loop_start(CODE + repeated)

    assert start is not None
    assert len(CODE) - 2 <= start <= len(CODE) + len(repeated) // 5


def test_a_loop_that_was_cut_in_mid_line_is_found():
    assert loop_start(CODE + "    self.low = 0.05\n" * 30 + "    self.lo") is not None


@pytest.mark.parametrize("text", ["", "x", CODE, CODE + "\n\n\n", CODE + "-" * 80, "    'a': 1,\n" * 10])
def test_ordinary_text_is_no_loop(text):
    assert loop_start(text) is None
