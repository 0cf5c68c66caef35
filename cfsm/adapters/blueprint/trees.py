"""Questions about a resolved expression that its writing needs answered."""

from collections.abc import Mapping

from cfsm.domain.blueprint.checking import Checked
from cfsm.domain.blueprint.language import (
    Arithmetic,
    Call,
    Compare,
    Cross,
    Logic,
    Minus,
    Name,
    Node,
    Not,
    Number,
    Role,
    Shift,
)

MAX_COLUMN_CHARACTERS = 60


def children(node: Node) -> tuple[Node, ...]:
    """Give what an expression is made of."""
    match node:
        case Call():
            return node.arguments
        case Shift() | Minus() | Not():
            return (node.of,)
        case Arithmetic() | Compare() | Cross():
            return (node.left, node.right)
        case Logic():
            return node.parts
    return ()


def parameters_in(node: Node, indicators: Mapping[str, Checked]) -> set[str]:
    """Give the parameters that an expression uses, also through indicators."""
    if isinstance(node, Name) and node.role is Role.PARAMETER:
        return {node.name}
    if isinstance(node, Name) and node.role is Role.INDICATOR:
        return parameters_in(indicators[node.name].node, indicators)
    return {name for child in children(node) for name in parameters_in(child, indicators)}


def is_number(node: Node) -> bool:
    """Say whether an expression is the same in every candle."""
    match node:
        case Number():
            return True
        case Name():
            return node.role is Role.PARAMETER
        case Minus() | Arithmetic():
            return all(is_number(child) for child in children(node))
    return False


def may_have_gaps(node: Node) -> bool:
    """Say whether an expression may give no value in mid-series: it divides."""
    is_division = isinstance(node, Arithmetic) and node.operator == "/"
    return is_division or any(may_have_gaps(child) for child in children(node))


def plain(node: Node) -> object:
    """Give what an expression is, without where it stands."""
    own = [value for name, value in vars(node).items() if name != "column" and not isinstance(value, Node | tuple)]
    settings = node.settings if isinstance(node, Call) else ()
    return (type(node).__name__, *own, *settings, *(plain(child) for child in children(node)))


def key_of(call: Call) -> object:
    """Give the key under which a call is computed once."""
    return ("call", plain(call))


def readable(call: Call) -> str:
    """Give a column's name for a call: ``ema_50``, ``rsi_14``, ``ema_volume_20``."""
    inputs = [argument.name for argument in call.arguments if isinstance(argument, Name)]
    words = [call.name, *(name for name in inputs if name != "close"), *(digits(each) for each in call.settings)]
    return "_".join(words)[:MAX_COLUMN_CHARACTERS]


def digits(value: float) -> str:
    """Give a number as part of a name."""
    return f"{value:g}".replace(".", "_").replace("-", "m")
