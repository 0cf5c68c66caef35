"""A family of strategies as nodes and edges, and the same as a tree and as mermaid text."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class NodeKind(StrEnum):
    """What a node is."""

    GENERATION = "generation"
    STRATEGY = "strategy"
    EVALUATION = "evaluation"
    RETIREMENT = "retirement"


class EdgeKind(StrEnum):
    """How the target comes from the source. Twins come from each other: of them there is one edge."""

    GENERATED = "generated"
    PARENT = "parent"
    EVALUATED = "evaluated"
    TWIN = "twin"
    RETIRED = "retired"


@dataclass(frozen=True)
class Node:
    """One thing of the family: what it is, what to call it, since when it is there, and what is known of it."""

    id: str
    kind: NodeKind
    label: str
    at: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Edge:
    """That one node comes from another."""

    source: str
    target: str
    kind: EdgeKind


@dataclass(frozen=True)
class Family:
    """A strategy (``root``, an id) with all it comes from and all that came of it.

    Nodes are generations, then strategies, evaluations, retirements, each in order of time.
    """

    root: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def node(self, node_id: str) -> Node:
        """Give the node with this id. Raise LookupError."""
        for node in self.nodes:
            if node.id == node_id:
                return node
        raise LookupError(f"the family has no {node_id!r}")

    def sources(self, node_id: str, *kinds: EdgeKind) -> list[Node]:
        """Give the nodes that this one comes from, by edges of these kinds (all if none is given)."""
        return [self.node(edge.source) for edge in self._along(kinds) if edge.target == node_id]

    def targets(self, node_id: str, *kinds: EdgeKind) -> list[Node]:
        """Give the nodes that come from this one, by edges of these kinds (all if none is given)."""
        return [self.node(edge.target) for edge in self._along(kinds) if edge.source == node_id]

    def twins(self, node_id: str) -> list[Node]:
        """Give the strategies with the identical list of trades."""
        return self.sources(node_id, EdgeKind.TWIN) + self.targets(node_id, EdgeKind.TWIN)

    def as_mapping(self) -> dict[str, Any]:
        """Give plain data: ``root``, ``nodes`` and ``edges``."""
        return {
            "root": self.root,
            "nodes": [
                {"id": node.id, "kind": node.kind.value, "label": node.label, "at": node.at, "facts": node.facts}
                for node in self.nodes
            ],
            "edges": [{"source": edge.source, "target": edge.target, "kind": edge.kind.value} for edge in self.edges],
        }

    def _along(self, kinds: tuple[EdgeKind, ...]) -> Iterator[Edge]:
        return (edge for edge in self.edges if not kinds or edge.kind in kinds)


_SHAPES: Mapping[NodeKind, tuple[str, str]] = {
    NodeKind.GENERATION: ("([", "])"),
    NodeKind.STRATEGY: ("[", "]"),
    NodeKind.EVALUATION: ("(", ")"),
    NodeKind.RETIREMENT: ("{{", "}}"),
}


def mermaid(family: Family) -> str:
    """Give the family as a mermaid flowchart; the root is drawn with a thick border."""
    names = {node.id: f"n{number}" for number, node in enumerate(family.nodes)}
    lines = ["flowchart TD"]
    for node in family.nodes:
        before, after = _SHAPES[node.kind]
        lines.append(f'    {names[node.id]}{before}"{_escaped(node.label)}"{after}')
    for edge in family.edges:
        arrow = "-.-" if edge.kind is EdgeKind.TWIN else "-->"
        lines.append(f"    {names[edge.source]} {arrow}|{edge.kind.value}| {names[edge.target]}")
    return "\n".join([*lines, f"    style {names[family.root]} stroke-width:4px", ""])


def _escaped(label: str) -> str:
    # Names of strategies a user added are the user's: a quotation mark would end mermaid's text.
    return "".join(char if char.isalnum() or char in " _-:.,/" else f"#{ord(char)};" for char in label)
