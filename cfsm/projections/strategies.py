"""Strategies: the metadata of every strategy that ever was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import orjson

from cfsm.domain.lifecycle import State
from cfsm.domain.log import LogEntry
from cfsm.domain.retention import Summary
from cfsm.domain.strategy import Reason, Strategy
from cfsm.projections.base import Facts, Projection, View, chosen, handles
from cfsm.projections.facts import hex_of, number, text, text_of, trade_count

PENDING, VALIDATED, REJECTED = "pending", "validated", "rejected"
"""What ``validation_status`` says: not executed yet, executed and accepted, or something is wrong with the code."""

ASKED = "asked for"
"""What ``optimization`` says before an optimisation has ended; then, what came of it. Empty: none was asked for."""

_REJECTING = frozenset({Reason.INVALID, Reason.UNSAFE, Reason.DUPLICATE, Reason.BROKEN, Reason.FORGED})
_SECONDS = len("2024-12-01T14:30:22")
_CANDIDATES = 5


@dataclass(slots=True)
class StrategyRow:
    """What the table keeps of one strategy; ``place`` is the id of the event that brought it into being."""

    id: str
    place: int
    name: str
    strategy_type: str
    model_used: str
    origin: str
    code_hash: str
    normalised_hash: str
    generation_id: str
    correlation: str
    parents: str
    parameters: str
    generation_time: str
    state: str
    validation_status: str
    parameters_hash: str = ""
    timeframe: str = ""
    backtest_score: float | None = None
    last_backtest: str | None = None
    run_id: str = ""
    timerange: str = ""
    result_hash: str = ""
    figures: str = "{}"
    retired_reason: str = ""
    retired_detail: str = ""
    retired_at: str | None = None
    optimization: str = ""
    opinion: str = ""


class Strategies(Projection):
    """Folds the events of strategies into their metadata."""

    name = "strategies"
    version = 3

    def __init__(self) -> None:
        super().__init__()
        self._strategies = self.table(
            "strategies", StrategyRow, ("place", "name", "state", "normalised_hash", "result_hash")
        )

    @handles(Strategy.Generated)
    def _generated(self, entry: LogEntry, facts: Facts) -> None:
        self._strategies.put(
            StrategyRow(
                id=entry.originator_id,
                place=entry.id,
                name=facts["name"],
                strategy_type=facts["strategy_type"],
                model_used=facts["model_used"],
                origin=facts["origin"],
                code_hash=facts["code_hash"],
                normalised_hash=facts["normalised_hash"],
                generation_id=hex_of(facts["generation_id"]),
                correlation=facts["meta"].get("correlation", ""),
                parents=text_of(facts["parents"]),
                parameters=text_of(facts["parameters"]),
                generation_time=facts["timestamp"],
                state=State.GENERATED.value,
                validation_status=PENDING,
            )
        )

    @handles(Strategy.Validated)
    def _validated(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._moved(entry, facts):
            row.validation_status = VALIDATED

    @handles(Strategy.Backtested)
    def _backtested(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._moved(entry, facts):
            figures = facts["figures"]
            row.backtest_score = number(figures, "sharpe_daily")
            row.last_backtest = facts["timestamp"]
            row.timeframe = text(figures, "timeframe") or row.timeframe
            row.run_id, row.timerange = facts["run_id"], facts["timerange"]
            row.result_hash, row.figures = facts["result_hash"], text_of(figures)

    @handles(Strategy.OptimizationRequested)
    def _optimization_requested(self, entry: LogEntry, _: Facts) -> None:
        if row := self._strategies.change(entry.originator_id):
            row.optimization = ASKED

    @handles(Strategy.KeptAsItWas)
    def _kept(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._strategies.change(entry.originator_id):
            row.optimization = f"kept as it was: {facts['why']}"

    @handles(Strategy.Optimized)
    def _optimized(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._moved(entry, facts):
            row.parameters_hash = facts["parameters_hash"]
            row.optimization = f"optimized: {text(facts['figures'], 'why')}".rstrip(": ")

    @handles(Strategy.DryRunStarted)
    def _dry_run_started(self, entry: LogEntry, facts: Facts) -> None:
        self._moved(entry, facts)

    @handles(Strategy.Retired)
    def _retired(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._moved(entry, facts):
            row.retired_reason, row.retired_detail = facts["reason"], facts["detail"]
            row.retired_at = facts["timestamp"]
            if row.retired_reason in _REJECTING:
                row.validation_status = REJECTED

    @handles(Strategy.OpinionNoted)
    def _opinion_noted(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._strategies.change(entry.originator_id):
            row.opinion = f"{facts['model']}: {text(facts['opinion'], 'diagnosis')}"

    def _moved(self, entry: LogEntry, facts: Facts) -> StrategyRow | None:
        row = self._strategies.change(entry.originator_id)
        if row is not None:
            row.state = facts["destination"]
        return row


@dataclass(frozen=True)
class Metadata:
    """What is known of one strategy. Times are ISO 8601 in UTC, ``figures`` those of the last backtest.

    ``opinion`` is what a model holds of its first backtest, after the model's name: it decided nothing.
    """

    id: str
    name: str
    file_path: str
    strategy_type: str
    model_used: str
    origin: str
    generation_time: str
    state: str
    validation_status: str
    backtest_score: float | None
    last_backtest: str | None
    is_active: bool
    timeframe: str
    code_hash: str
    normalised_hash: str
    parameters_hash: str
    parameters: Mapping[str, Any]
    generation_id: str
    correlation: str
    parents: Sequence[str]
    run_id: str
    timerange: str
    result_hash: str
    figures: Mapping[str, Any]
    retired_reason: str
    retired_detail: str
    retired_at: str | None
    optimization: str
    opinion: str
    place: int

    @property
    def is_retired(self) -> bool:
        """Say whether the strategy is out of service."""
        return self.state == State.RETIRED.value

    def seed_mapping(self) -> dict[str, Any]:
        """Give the entry of ``strategies_metadata.json``."""
        return {
            "name": self.name,
            "file_path": self.file_path,
            "strategy_type": self.strategy_type,
            "model_used": self.model_used,
            "generation_time": self.generation_time[:_SECONDS],
            "validation_status": self.validation_status,
            "backtest_score": self.backtest_score,
            "last_backtest": self.last_backtest and self.last_backtest[:_SECONDS],
            "is_active": self.is_active,
        }


class NoSuchStrategy(LookupError):
    """No strategy has this name or id, or begins with it."""


class AmbiguousStrategy(LookupError):
    """Several strategies begin with this; the message names some of them."""


class StrategiesView(View):
    """Answers which strategies there are. All lists are in the order of creation."""

    projection: ClassVar[type[Projection]] = Strategies

    def select(
        self,
        *,
        state: State | str | None = None,
        strategy_type: str | None = None,
        model: str | None = None,
        active: bool | None = None,
        retired: bool | None = None,
        prefix: str = "",
        normalised_hash: str | None = None,
        result_hash: str | None = None,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> list[Metadata]:
        """Give the strategies for which all that is given holds; ``active`` is: in dry run."""
        asked: list[tuple[str, Any]] = [
            ("state = ?", state and str(state)),
            ("strategy_type = ?", strategy_type),
            ("model_used = ?", model),
            ("(state = 'DryRun') = ?", active),
            ("(state = 'Retired') = ?", retired),
            ("instr(name, ?) = 1", prefix or None),
            ("normalised_hash = ?", normalised_hash),
            ("result_hash = ?", result_hash),
        ]
        return self._list(*chosen(asked, "place DESC" if newest_first else "place", limit))

    def count(self) -> int:
        """Give how many strategies there ever were."""
        return int(self._source.rows("SELECT count(*) FROM strategies")[0][0])

    def get(self, strategy_id: str) -> Metadata | None:
        """Give the strategy with this id (with dashes or without); None if there is none."""
        found = self._list("WHERE id = ?", hex_of(strategy_id))
        return found[0] if found else None

    def find(self, query: str) -> Metadata:
        """Give the strategy with this name or id, or the only one whose name or id begins with it.

        Raise NoSuchStrategy or AmbiguousStrategy.
        """
        identity = hex_of(query).lower()
        with self._source.snapshot():
            found = self._list("WHERE name = ? OR id = ?", query, identity) or self._list(
                "WHERE instr(name, ?) = 1 OR instr(id, ?) = 1 ORDER BY place LIMIT ?",
                query,
                identity,
                _CANDIDATES + 1,
            )
        if not query or not found:
            raise NoSuchStrategy(f"no strategy is called {query!r}; see `cfsm strategies list`")
        if len(found) > 1:
            named = ", ".join(each.name for each in found[:_CANDIDATES])
            more = ", …" if len(found) > _CANDIDATES else ""
            raise AmbiguousStrategy(f"several strategies begin with {query!r}: {named}{more}")
        return found[0]

    def name_of_code(self, normalised_hash: str) -> str | None:
        """Give the first strategy, in service or not, that has this code; None if there is none."""
        return self._first_name("normalised_hash", normalised_hash)

    def name_of_result(self, result_hash: str) -> str | None:
        """Give the first strategy, in service or not, whose last backtest made these trades; None if none did."""
        return self._first_name("result_hash", result_hash)

    def summaries(self) -> list[Summary]:
        """Give what a cleaning needs to know of each strategy in service."""
        rows = self._source.rows(
            "SELECT name, state, generation_time, backtest_score, last_backtest, figures, optimization "
            "FROM strategies WHERE state <> 'Retired' ORDER BY place"
        )
        return [_summary(*row) for row in rows]

    def metadata_json(self, *, include_retired: bool = False) -> str:
        """Give ``strategies_metadata.json``: an object of the strategies in service (or of all) by name."""
        listed = self.select(retired=None if include_retired else False)
        document = {each.name: each.seed_mapping() for each in listed}
        return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()

    def _first_name(self, column: str, value: str) -> str | None:
        rows = self._source.rows(f"SELECT name FROM strategies WHERE {column} = ? ORDER BY place LIMIT 1", value)
        return rows[0][0] if value and rows else None

    def _list(self, rest: str, *parameters: Any) -> list[Metadata]:
        columns = ", ".join(StrategyRow.__slots__)
        rows = self._source.rows(f"SELECT {columns} FROM strategies {rest}", *parameters)
        return [_metadata(StrategyRow(*row)) for row in rows]


def _summary(
    name: str, state: str, created: str, score: float | None, tested: str | None, kept: str, optimization: str
) -> Summary:
    figures = orjson.loads(kept)
    return Summary(
        name=name,
        state=State(state),
        created_on=datetime.fromisoformat(created),
        score=score,
        last_backtest=None if tested is None else datetime.fromisoformat(tested),
        total_trades=trade_count(figures),
        is_out_of_sample=figures.get("is_out_of_sample") is True,
        is_optimization_asked=bool(optimization),
    )


def _metadata(row: StrategyRow) -> Metadata:
    kept = {name: getattr(row, name) for name in StrategyRow.__slots__}
    decoded = {name: orjson.loads(kept[name]) for name in ("parents", "parameters", "figures")}
    return Metadata(
        **kept | decoded,
        file_path=f"strategies/{row.name}.py",
        is_active=row.state == State.DRY_RUN.value,
    )
