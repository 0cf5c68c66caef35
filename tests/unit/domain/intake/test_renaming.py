"""A class gets another name, wherever it is named; nothing else changes."""

from cfsm.domain.code_identity import normalised_hash
from cfsm.domain.intake.renaming import renamed

SOURCE = '''\
from freqtrade.strategy import IStrategy


class Old(IStrategy):
    """Old is what it says."""

    def populate_indicators(self, dataframe, metadata):
        return super(Old, self).populate_indicators(dataframe, metadata)
'''


def test_the_class_is_renamed_wherever_it_is_named():
    text = renamed(SOURCE, "New")

    assert "class New(IStrategy):" in text
    assert "super(New, self)" in text
    assert '"""Old is what it says."""' in text


def test_a_name_changes_nothing_of_what_the_code_says():
    plain = SOURCE.replace("super(Old, self)", "super()")

    assert normalised_hash(renamed(plain, "New").encode()) == normalised_hash(plain.encode())


def test_its_own_name_changes_nothing():
    assert renamed(SOURCE, "Old") == SOURCE
