"""``cfsm lineage``: where a strategy comes from and what came of it."""

from typing import Any

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.output import as_json, print_json
from cfsm.cli.strategies import find


@click.command()
@click.argument("strategy")
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
        _print_tree(family)


def _print_tree(family: Any) -> None:
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    targets: dict[str, list[Any]] = {}
    for edge in family.edges:
        targets.setdefault(edge.source, []).append(edge)
    reached = {edge.target for edge in family.edges}
    nodes = {node.id: node for node in family.nodes}
    shown: set[str] = set()

    def grow(branch: Tree, node_id: str) -> None:
        shown.add(node_id)
        for edge in targets.get(node_id, ()):
            label = f"{edge.kind}: {_label(nodes[edge.target], is_root=edge.target == family.root)}"
            below = branch.add(Text(label))
            if edge.target not in shown:
                grow(below, edge.target)

    console = Console(highlight=False, soft_wrap=True)
    for node in family.nodes:
        if node.id not in reached and node.id not in shown:
            tree = Tree(Text(_label(node, is_root=node.id == family.root)))
            grow(tree, node.id)
            console.print(tree)


def _label(node: Any, *, is_root: bool) -> str:
    mark = "  <= this one" if is_root else ""
    return f"{node.label}  [{node.at[:19].replace('T', ' ')} UTC]{mark}"
