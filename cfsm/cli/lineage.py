"""``cfsm lineage``: where a strategy comes from and what came of it."""

from collections.abc import Iterator, Mapping
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
    """Show where a strategy comes from and what came of it: requests and what models said, parents, runs, retirement.

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
        said = nodes[node_id].facts.get("conversation", {}) if nodes[node_id].kind == "generation" else {}
        for step, told in said.items():
            yield f"{indent}{'│' if below else ' '}     {printable(_said(step, told))}"
        if said and nodes[node_id].facts["decision"]:
            decision = nodes[node_id].facts["decision"]
            yield f"{indent}{'│' if below else ' '}     {decision['winner'] or 'nobody'} wins: {decision['decided_by']}"
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


def _said(step: str, told: Mapping[str, Any]) -> str:
    """Give one step of a conversation: who was asked for what, and what came of it."""
    mended = ", ".join(told.get("repairs", ()))
    parts = (
        f"{told['model']} to {told['purpose']}" if "model" in told else "",
        f"prompt {told['prompt_name']} {told['prompt_version']}" if "prompt_name" in told else "",
        f"{told['tokens']} tokens in {told['seconds']:.0f} s" if "tokens" in told else "",
        f"failed: {told['failure']}" if "failure" in told else "",
        f"mended: {mended}" if mended else "",
        told.get("verdict", ""),
        ", ".join(told.get("findings", ())),
        told.get("screening", ""),
        f"for {told['choice'] or 'nobody'}" if "choice" in told else "",
    )
    return f"{step}: {'; '.join(filter(None, parts))}"


def _label(node: Any, *, is_root: bool) -> str:
    mark = "  <= this one" if is_root else ""
    return f"{printable(node.label)}  [{node.at[:19].replace('T', ' ')} UTC]{mark}"
