"""What a strategy's own code could look at or change while it trades, judged from its text.

Callbacks usually mind their own trade. Only where the text could reach other trades, wallets or candles does the fast
engine have to keep all of that up to date at every call; only where it could change its own settings are they watched.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from freqtrade.strategy import IStrategy

_POPULATE = frozenset({"populate_indicators", "populate_entry_trend", "populate_exit_trend", "informative_pairs"})
_REACHING_NAMES = frozenset(
    {
        *("Trade", "LocalTrade", "Order", "PairLocks", "PairLock", "CustomDataWrapper"),
        *("getattr", "setattr", "vars", "globals", "locals", "eval", "exec", "open", "gc", "sys", "inspect", "super"),
    }
)
_REACHING_ATTRIBUTES = frozenset({"wallets", "config", "lock_pair", "is_pair_locked", "unlock_pair"})


@dataclass(frozen=True)
class Reach:
    """What callbacks could do beyond their own trade."""

    sees_candles: bool
    sees_trades: bool
    changes_settings: bool
    is_pure: bool
    """They see no trade but their own and change nothing that has a name."""


NOTHING = Reach(sees_candles=False, sees_trades=False, changes_settings=False, is_pure=True)
_EVERYTHING = Reach(sees_candles=True, sees_trades=True, changes_settings=True, is_pure=False)


def reach_of(strategy: IStrategy, settings: Iterable[str]) -> Reach:
    """Judge a strategy's text; where it is not at hand, anything is possible."""
    source = getattr(strategy, "__source__", None)
    if not isinstance(source, str):
        return _EVERYTHING
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return _EVERYTHING
    nodes = list(_nodes_of_callbacks(tree))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    insides = any(name.startswith("__") for name in attributes | names)
    settings = set(settings)
    changed = any(
        isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr in settings for node in nodes
    )
    edited = bool({"minimal_roi"} & attributes)  # a table can be changed without being assigned
    sees_trades = insides or bool(names & _REACHING_NAMES) or bool(attributes & _REACHING_ATTRIBUTES)
    changes_settings = insides or changed or edited or bool(names & {"setattr", "vars", "exec", "eval"})
    stores = any(
        isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load) for node in nodes
    )
    return Reach(
        sees_candles=sees_trades or "dp" in attributes,
        sees_trades=sees_trades,
        changes_settings=changes_settings,
        is_pure=not (sees_trades or changes_settings or stores),
    )


def _nodes_of_callbacks(tree: ast.Module) -> Iterator[ast.AST]:
    """Give the nodes of all functions that may run while trades are open, without annotations."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name not in _POPULATE and not _is_informative(node):
            for statement in node.body:
                yield from _without_annotations(statement)
        elif isinstance(node, ast.Lambda):
            yield from ast.walk(node)


def _without_annotations(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _without_annotations(child)


def _is_informative(node: ast.FunctionDef) -> bool:
    words = (decorator.func if isinstance(decorator, ast.Call) else decorator for decorator in node.decorator_list)
    return any(isinstance(word, ast.Name) and word.id == "informative" for word in words)
