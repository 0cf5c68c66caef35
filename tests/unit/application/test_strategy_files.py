"""What is said of a file before an engine sees it."""

import pytest

from cfsm.application.strategy_files import MAX_FILE_BYTES, read_text

IMPORT = b"from freqtrade.strategy import IStrategy\n\n\n"


def test_a_strategy_is_asked_about_under_its_class_name():
    file = read_text(IMPORT + b"class Mine(IStrategy):\n    pass\n")

    assert (file.name, file.finding) == ("Mine", None)


def test_a_strategy_may_import_its_base_under_another_name():
    file = read_text(b"from freqtrade.strategy import IStrategy as Base\n\n\nclass Mine(Base):\n    pass\n")

    assert (file.name, file.finding) == ("Mine", None)


@pytest.mark.parametrize(
    ("source", "code", "line"),
    [
        (b"", "CLASS_NAME", 1),
        (b" \n\t\n", "CLASS_NAME", 1),
        (b"text\n\x89PNG\0\0", "SOURCE_SYNTAX", 2),
        (b"#" * (MAX_FILE_BYTES + 1), "SOURCE_SIZE", 1),
        (IMPORT + "class Ü(IStrategy):\n    pass\n".encode(), "CLASS_NAME", 4),
    ],
    ids=["empty", "blank", "binary", "huge", "name not in ASCII"],
)
def test_what_no_engine_can_be_asked_about_has_a_finding_and_no_name(source, code, line):
    file = read_text(source)

    assert file.name is None
    assert (file.finding.code, file.finding.line) == (code, line)
    assert file.finding.what_to_do


@pytest.mark.parametrize(
    ("source", "code", "line"),
    [
        (b"Dear sir,\n", "SOURCE_SYNTAX", 1),
        (IMPORT + b"class Mine(IStrategy:\n", "SOURCE_SYNTAX", 4),
        (b"x = 1\n\xff\n", "SOURCE_SYNTAX", 2),
        (b"import numpy\n", "CLASS_NAME", 1),
        (IMPORT + b"class One(IStrategy):\n    pass\n\n\nclass Two(IStrategy):\n    pass\n", "CLASS_NAME", 8),
    ],
    ids=["prose", "broken syntax", "not UTF-8", "no class", "two strategies"],
)
def test_what_is_no_strategy_has_a_finding_and_a_name_to_look_for_what_is_unsafe(source, code, line):
    file = read_text(source)

    assert file.name
    assert (file.finding.code, file.finding.line) == (code, line)
