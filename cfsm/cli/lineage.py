"""``cfsm lineage``: where a strategy comes from and what came of it."""

from collections.abc import Iterator
from typing import Any

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.completing import strategy_names
from cfsm.cli.output import as_json, print_json, printable
from cfsm.cli.strategies import find


@click.command()
@click.argument("strategy", shell_complete=strategy_names)
@click.option("--mermaid", "as_mermaid", is_flag=True, help="Print a mermaid flowchart.")
@as_json
@click.pass_obj
def lineage(house: House, strategy: str, as_mermaid: bool, as_json: bool) -> None:
    """Show where a strategy comes from and what came of it: requests, parents, runs, twins, retirement.

    \b
    Examples:
      cfsm lineage VolatilityStrategy_predefined_20261121_093000
      cfsm lineage Vola --mermaid > lineage.mmd
    """
    from cfsm.projections.family import mermaid
    from cfsm.projections.lineage import LineageView

    family = house.view(LineageView).tree(find(house, strategy).id)
    if as_json:
        print_json(family.as_mapping())
    elif as_mermaid:
        click.echo(mermaid(family), nl=False)
    else:
        click.echo("\n".join(_tree(family)))


def _tree(family: Any) -> Iterator[str]:
    """Give the lines of the tree; a node that is reached twice has its branches at the first place only."""
    edges: dict[str, list[Any]] = {}
    for edge in family.edges:
        edges.setdefault(edge.source, []).append(edge)
    nodes = {node.id: node for node in family.nodes}
    shown: set[str] = set()

    def grow(node_id: str, indent: str) -> Iterator[str]:
        shown.add(node_id)
        below = edges.get(node_id, [])
        for number, edge in enumerate(below, start=1):
            corner, bar = ("└── ", "    ") if number == len(below) else ("├── ", "│   ")
            yield f"{indent}{corner}{edge.kind}: {_label(nodes[edge.target], is_root=edge.target == family.root)}"
            if edge.target not in shown:
                yield from grow(edge.target, indent + bar)

    reached = {edge.target for edge in family.edges}
    for node in family.nodes:
        if node.id not in reached and node.id not in shown:
            yield _label(node, is_root=node.id == family.root)
            yield from grow(node.id, "")


def _label(node: Any, *, is_root: bool) -> str:
    mark = "  <= this one" if is_root else ""
    return f"{printable(node.label)}  [{node.at[:19].replace('T', ' ')} UTC]{mark}"
