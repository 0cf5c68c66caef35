"""Which names of a text can only be a function's own variables: these are never a built-in, whatever they are called.

A strategy may well call its opening prices ``open``. At the top of a file and in a class such a name would still be
the built-in where nothing has been assigned to it.
"""

import ast
from collections.abc import Iterable, Iterator

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_OTHER_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def variables_of_functions(tree: ast.Module) -> frozenset[int]:
    """Give the ids of the nodes that name a variable of a function or of a comprehension around them."""
    return frozenset(id(node) for node in _own(tree, frozenset()))


def _own(node: ast.AST, known: frozenset[str]) -> Iterator[ast.Name]:
    match node:
        case ast.Name():
            if node.id in known:
                yield node
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            body = node.body if isinstance(node.body, list) else [node.body]
            inside = known | _variables(node, body)
            for part in ast.iter_child_nodes(node):
                yield from _own(part, inside if part in body else known)
            for argument in ast.walk(node.args):
                if isinstance(argument, ast.arg) and argument.annotation is not None:
                    yield from _own(argument.annotation, known)
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            targets = (name.id for each in node.generators for name in _stored(each.target))
            inside = known | frozenset(targets)
            yield from _own(node.generators[0].iter, known)  # evaluated outside
            for part in _parts_inside(node):
                yield from _own(part, inside)
        case _:
            for part in ast.iter_child_nodes(node):
                yield from _own(part, known)


def _parts_inside(node: _Comprehension) -> Iterator[ast.AST]:
    for number, each in enumerate(node.generators):
        yield each.target
        yield from each.ifs
        if number:
            yield each.iter
    yield from (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)


def _variables(function: _Function, body: Iterable[ast.AST]) -> frozenset[str]:
    """Give the names that are bound in a function, but for those that it declares to be global."""
    arguments = function.args
    bound = {each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    bound |= {each.arg for each in (arguments.vararg, arguments.kwarg) if each is not None}
    elsewhere: set[str] = set()
    for node in _of_this_scope(body):
        match node:
            case ast.Name(ctx=ast.Store()):
                bound.add(node.id)
            case ast.Global() | ast.Nonlocal():
                elsewhere.update(node.names)
            case ast.ExceptHandler(name=str(name)):
                bound.add(name)
    return frozenset(bound - elsewhere)


def _of_this_scope(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in nodes:
        yield node
        if not isinstance(node, (*_OTHER_SCOPES, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            yield from _of_this_scope(ast.iter_child_nodes(node))


def _stored(target: ast.AST) -> Iterator[ast.Name]:
    return (node for node in ast.walk(target) if isinstance(node, ast.Name))
