"""A strategy of the user's own enters the factory."""

import ast
from collections.abc import Iterable

from cfsm.application.factory import Factory
from cfsm.application.ports import Blobs
from cfsm.domain.aggregate import Recorded
from cfsm.domain.code_identity import NotPython, normalised_hash, parse
from cfsm.domain.strategy import IntakeAccount, Origin, Strategy


class NotAStrategy(Exception):
    """The file cannot be a strategy; the message says why."""


def class_name_of(source: bytes) -> str:
    """Give the name of the file's strategy class, by reading the text alone. Raise NotAStrategy."""
    try:
        tree = parse(source)
    except NotPython as error:
        raise NotAStrategy(str(error)) from error
    names = [
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef) and any("IStrategy" in ast.unparse(base) for base in node.bases)
    ]
    if len(names) != 1:
        found = ", ".join(names) or "none"
        raise NotAStrategy(f"it must have exactly one class that derives from IStrategy; found: {found}")
    return names[0]


def add_strategy(
    factory: Factory, blobs: Blobs, source: bytes, strategy_type: str, account: IntakeAccount | None = None
) -> Strategy:
    """Enter the strategy under its class's name, with what the intake did to it, if it came that way.

    Raise NotAStrategy if it is none or the name is taken.
    """
    name = class_name_of(source)
    code_hash, code = blobs.put(source), normalised_hash(source)
    made: list[Strategy] = []

    def decide() -> Iterable[Recorded]:
        if factory.find(Strategy, Strategy.id_of(name)) is not None:
            raise NotAStrategy(f"a strategy called {name} is in the factory already: rename the class")
        made[:] = [
            Strategy.generate(
                name=name,
                strategy_type=strategy_type,
                model_used="",
                origin=Origin.ADDED,
                code_hash=code_hash,
                normalised_hash=code,
                stamp=factory.stamp(),
            )
        ]
        if account is not None:
            made[0].note_intake(account, factory.stamp(correlation=str(made[0].id)))
        return made

    factory.transact(decide)
    return made[0]
