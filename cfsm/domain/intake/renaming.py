"""Gives the class of a strategy's source another name."""

from cfsm.domain.intake.code import Code, Wanted
from cfsm.domain.intake.interface import rename_class
from cfsm.domain.intake.taking_in import mend


def renamed(source: str, class_name: str) -> str:
    """Give the source with its strategy class under this name, wherever it is named."""
    code, _ = mend(rename_class, Code(source, Wanted(class_name)))
    return code.text
