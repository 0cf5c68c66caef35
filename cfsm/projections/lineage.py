"""Lineage: where each strategy comes from, what was found out about it, and what came of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson

from cfsm.domain.evaluation import Evaluation
from cfsm.domain.forward_test import ForwardTest
from cfsm.domain.generation import Generation
from cfsm.domain.lifecycle import State
from cfsm.domain.log import LogEntry
from cfsm.domain.strategy import Strategy
from cfsm.projections.base import Facts, Projection, View, handles
from cfsm.projections.facts import hex_of, strategy_of, text_of
from cfsm.projections.family import Edge, EdgeKind, Family, Node, NodeKind
from cfsm.projections.spoken import TELL, with_told

MAX_RELATIVES = 500
"""How many strategies one tree shows, at most; the nearest relatives come first."""

_BY_TOPIC = {event.TOPIC: tell for event, tell in TELL.items()}


@dataclass(slots=True)
class GenerationRow:
    """A request for a strategy, and what came of it."""

    id: str
    place: int
    at: str
    mode: str
    strategy_type: str
    model: str
    seed: str
    why: str
    strategy_id: str = ""
    facts: str = "{}"
    failure: str = ""
    conversation: str = "{}"
    decision: str = "{}"
    fallbacks: str = "[]"


@dataclass(slots=True)
class MemberRow:
    """A strategy; ``retired`` is None while it is in service, else reason, detail and evidence."""

    id: str
    place: int
    at: str
    name: str
    strategy_type: str
    model_used: str
    origin: str
    code_hash: str
    generation_id: str
    parameters: str
    state: str
    parameters_hash: str = ""
    retired: str | None = None
    retired_at: str = ""


FORWARD_TEST = "forward_test"
"""What a forward test is called among the runs of a strategy."""


@dataclass(slots=True)
class EvaluationRow:
    """A run of a strategy, or a forward test.

    ``verdict`` is empty until it is over, ``came_late`` 1 if the strategy was retired then.
    """

    id: str
    place: int
    at: str
    strategy_id: str
    kind: str
    verdict: str = ""
    failure: str = ""
    result_hash: str = ""
    seconds: float | None = None
    came_late: int = 0


@dataclass(slots=True)
class KinRow:
    """That ``relative`` is a parent or a twin of a strategy."""

    id: str
    place: int
    kind: str
    strategy_id: str
    relative: str


class Lineage(Projection):
    """Folds generations, strategies and evaluations into who comes from what."""

    name = "lineage"
    version = 3

    def __init__(self) -> None:
        super().__init__()
        self._generations = self.table("generations", GenerationRow)
        self._members = self.table("members", MemberRow)
        self._evaluations = self.table("evaluations", EvaluationRow, ("strategy_id",))
        self._kin = self.table("kin", KinRow, ("strategy_id", "relative"))

    @handles(Generation.Requested)
    def _requested(self, entry: LogEntry, facts: Facts) -> None:
        self._generations.put(
            GenerationRow(
                id=entry.originator_id,
                place=entry.id,
                at=facts["timestamp"],
                mode=facts["mode"],
                strategy_type=facts["strategy_type"],
                model=facts["model"],
                seed=str(facts["seed"]),
                why=facts["why"],
            )
        )

    @handles(Generation.Planned)
    def _planned(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._generations.change(entry.originator_id):
            row.mode = facts["mode"]

    @handles(*TELL)
    def _said(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._generations.change(entry.originator_id):
            told = _BY_TOPIC[entry.topic](facts)
            row.conversation = text_of(with_told(orjson.loads(row.conversation), facts["step"], told))

    @handles(Generation.FellBack)
    def _fell_back(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._generations.change(entry.originator_id):
            told = {name: facts[name] for name in ("kind", "before", "after", "reason")}
            row.fallbacks = text_of([*orjson.loads(row.fallbacks), told])

    @handles(Generation.Decided)
    def _decided(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._generations.change(entry.originator_id):
            row.decision = text_of({name: facts[name] for name in ("winner", "model", "step", "decided_by", "ranking")})

    @handles(Generation.Concluded)
    def _concluded(self, entry: LogEntry, facts: Facts) -> None:
        strategy_id = hex_of(facts["strategy_id"])
        if row := self._generations.change(entry.originator_id):
            row.strategy_id, row.facts = strategy_id, text_of(facts["facts"])
        member = self._members.change(strategy_id)
        if member is not None and not member.generation_id:
            member.generation_id = entry.originator_id

    @handles(Generation.Failed)
    def _generation_failed(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._generations.change(entry.originator_id):
            row.failure = facts["reason"]

    @handles(Strategy.Generated)
    def _generated(self, entry: LogEntry, facts: Facts) -> None:
        self._members.put(
            MemberRow(
                id=entry.originator_id,
                place=entry.id,
                at=facts["timestamp"],
                name=facts["name"],
                strategy_type=facts["strategy_type"],
                model_used=facts["model_used"],
                origin=facts["origin"],
                code_hash=facts["code_hash"],
                generation_id=hex_of(facts["generation_id"]),
                parameters=text_of(facts["parameters"]),
                state=State.GENERATED.value,
            )
        )
        for parent in facts["parents"]:
            self._relate(entry, EdgeKind.PARENT, strategy_of(parent))

    @handles(Strategy.Validated, Strategy.Backtested, Strategy.DryRunStarted)
    def _moved(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._members.change(entry.originator_id):
            row.state = facts["destination"]

    @handles(Strategy.Optimized)
    def _optimized(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._members.change(entry.originator_id):
            row.state, row.parameters_hash = facts["destination"], facts["parameters_hash"]

    @handles(Strategy.Retired)
    def _retired(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._members.change(entry.originator_id):
            row.state, row.retired_at = facts["destination"], facts["timestamp"]
            row.retired = text_of({name: facts[name] for name in ("reason", "detail", "evidence")})

    @handles(Strategy.TwinFound)
    def _twin_found(self, entry: LogEntry, facts: Facts) -> None:
        self._relate(entry, EdgeKind.TWIN, strategy_of(facts["twin"]))

    @handles(Strategy.ResultCameLate)
    def _result_came_late(self, _: LogEntry, facts: Facts) -> None:
        if row := self._evaluations.change(hex_of(facts["run_id"])):
            row.came_late = 1

    @handles(Evaluation.Started)
    def _started(self, entry: LogEntry, facts: Facts) -> None:
        self._evaluations.put(
            EvaluationRow(
                id=entry.originator_id,
                place=entry.id,
                at=facts["timestamp"],
                strategy_id=hex_of(facts["strategy_id"]),
                kind=facts["kind"],
            )
        )

    @handles(Evaluation.Completed)
    def _completed(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._evaluations.change(entry.originator_id):
            row.verdict, row.seconds = facts["verdict"], facts["seconds"]
            row.result_hash = facts["result_hash"]

    @handles(Evaluation.Failed)
    def _failed(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._evaluations.change(entry.originator_id):
            row.failure = facts["reason"]

    @handles(ForwardTest.Requested)
    def _forward_test(self, entry: LogEntry, facts: Facts) -> None:
        self._evaluations.put(
            EvaluationRow(
                id=entry.originator_id,
                place=entry.id,
                at=facts["timestamp"],
                strategy_id=hex_of(facts["strategy_id"]),
                kind=FORWARD_TEST,
            )
        )

    @handles(ForwardTest.Concluded)
    def _forward_test_concluded(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._evaluations.change(entry.originator_id):
            row.verdict = facts["verdict"]

    @handles(ForwardTest.Failed)
    def _forward_test_failed(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._evaluations.change(entry.originator_id):
            row.failure = facts["reason"]

    def _relate(self, entry: LogEntry, kind: EdgeKind, relative: str) -> None:
        key = f"{entry.originator_id}/{kind}/{relative}"
        self._kin.put(KinRow(key, entry.id, kind.value, entry.originator_id, relative))


class LineageView(View):
    """Answers where a strategy comes from and what came of it."""

    projection: ClassVar[type[Projection]] = Lineage

    def tree(self, strategy: str) -> Family:
        """Give the family of the strategy with this name or id. Raise LookupError if there is none.

        That is: it, its ancestors, descendants and twins with their generations and retirements, and its own
        evaluations. A relative that was never generated here has no node.
        """
        root = strategy_of(strategy)
        with self._source.snapshot():
            nearest = self._relatives(root)
            members = self._members(nearest)
            if root not in members:
                raise LookupError(f"no strategy is called {strategy!r}; see `cfsm strategies list`")
            generations = self._generations(members.values())
            evaluations = self._evaluations(root)
            kin = self._kin(members)
        return _family(root, members, generations, evaluations, kin)

    def _relatives(self, root: str) -> list[str]:
        """Give the ids of the root, all above it, all below it, and the twins of these, nearest first."""
        found = {root: None}
        for near, far in (("strategy_id", "relative"), ("relative", "strategy_id")):
            self._spread([root], near, far, EdgeKind.PARENT, found)
        for near, far in (("strategy_id", "relative"), ("relative", "strategy_id")):
            for each in self._next(list(found), near, far, EdgeKind.TWIN):
                found.setdefault(each)
        return list(found)[:MAX_RELATIVES]

    def _spread(self, edge: list[str], near: str, far: str, kind: EdgeKind, found: dict[str, None]) -> None:
        while edge and len(found) < MAX_RELATIVES:
            edge = [each for each in self._next(edge, near, far, kind) if each not in found]
            found.update(dict.fromkeys(edge))

    def _next(self, ids: list[str], near: str, far: str, kind: EdgeKind) -> list[str]:
        rows = self._source.rows(
            f"SELECT {far} FROM kin WHERE {near} IN (SELECT value FROM json_each(?)) AND kind = ? ORDER BY place, id",
            text_of(ids),
            kind.value,
        )
        return list(dict.fromkeys(far_id for (far_id,) in rows))

    def _members(self, ids: Iterable[str]) -> dict[str, MemberRow]:
        return {row.id: row for row in self._some(MemberRow, "members", "id", ids)}

    def _generations(self, members: Iterable[MemberRow]) -> dict[str, GenerationRow]:
        ids = [member.generation_id for member in members if member.generation_id]
        return {row.id: row for row in self._some(GenerationRow, "generations", "id", ids)}

    def _evaluations(self, root: str) -> list[EvaluationRow]:
        return self._some(EvaluationRow, "evaluations", "strategy_id", [root])

    def _kin(self, members: Iterable[str]) -> list[KinRow]:
        return self._some(KinRow, "kin", "strategy_id", members)

    def _some(self, row: type[Any], table: str, column: str, values: Iterable[str]) -> list[Any]:
        columns = ", ".join(row.__slots__)
        sql = f"SELECT {columns} FROM {table} WHERE {column} IN (SELECT value FROM json_each(?)) ORDER BY place, id"
        return [row(*found) for found in self._source.rows(sql, text_of(list(values)))]


def _family(
    root: str,
    members: Mapping[str, MemberRow],
    generations: Mapping[str, GenerationRow],
    evaluations: Iterable[EvaluationRow],
    kin: Iterable[KinRow],
) -> Family:
    nodes = [_generation_node(each) for each in generations.values()]
    edges: list[Edge] = []
    for member in members.values():
        nodes.append(_member_node(member))
        if member.generation_id in generations:
            edges.append(Edge(member.generation_id, member.id, EdgeKind.GENERATED))
    for evaluation in evaluations:
        nodes.append(_evaluation_node(evaluation))
        edges.append(Edge(root, evaluation.id, EdgeKind.EVALUATED))
    edges.extend(_kin_edges(kin, members))
    for member in members.values():
        if member.retired is not None:
            nodes.append(_retirement_node(member, member.retired))
            edges.append(Edge(member.id, _retirement_id(member), EdgeKind.RETIRED))
    return Family(root, tuple(nodes), tuple(edges))


def _kin_edges(kin: Iterable[KinRow], members: Mapping[str, MemberRow]) -> Iterable[Edge]:
    twins: set[frozenset[str]] = set()
    for row in kin:
        pair = frozenset((row.strategy_id, row.relative))
        if row.relative not in members or (row.kind == EdgeKind.TWIN and pair in twins):
            continue
        if row.kind == EdgeKind.TWIN:
            twins.add(pair)
            yield Edge(row.strategy_id, row.relative, EdgeKind.TWIN)
        else:
            yield Edge(row.relative, row.strategy_id, EdgeKind.PARENT)


def _generation_node(row: GenerationRow) -> Node:
    facts = {
        "mode": row.mode,
        "strategy_type": row.strategy_type,
        "model": row.model,
        "seed": int(row.seed),
        "why": row.why,
        **orjson.loads(row.facts),
    }
    if row.conversation != "{}":
        told = ("conversation", "decision", "fallbacks")
        facts |= {name: orjson.loads(getattr(row, name)) for name in told}
    return Node(row.id, NodeKind.GENERATION, f"{row.mode} {row.strategy_type}", row.at, facts)


def _member_node(row: MemberRow) -> Node:
    facts = {
        "strategy_type": row.strategy_type,
        "model_used": row.model_used,
        "origin": row.origin,
        "state": row.state,
        "code_hash": row.code_hash,
        "parameters": orjson.loads(row.parameters),
        "parameters_hash": row.parameters_hash,
    }
    return Node(row.id, NodeKind.STRATEGY, row.name, row.at, facts)


def _evaluation_node(row: EvaluationRow) -> Node:
    facts = {
        "kind": row.kind,
        "verdict": row.verdict,
        "failure": row.failure,
        "result_hash": row.result_hash,
        "seconds": row.seconds,
        "came_late": bool(row.came_late),
    }
    outcome = "failed" if row.failure else row.verdict or "under way"
    return Node(row.id, NodeKind.EVALUATION, f"{row.kind}: {outcome}", row.at, facts)


def _retirement_node(row: MemberRow, retired: str) -> Node:
    facts = orjson.loads(retired)
    return Node(_retirement_id(row), NodeKind.RETIREMENT, f"retired: {facts['reason']}", row.retired_at, facts)


def _retirement_id(row: MemberRow) -> str:
    return f"{row.id}/retired"
