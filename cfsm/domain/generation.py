"""A generation: a strategy is asked for, and one comes of it or none."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from cfsm.domain.aggregate import BeginningEvent, Recorded, RecordedEvent, Stamp
from cfsm.domain.naming import id_of


class Generation(Recorded):
    """One request for one strategy, and what came of it."""

    TOPIC = "Generation"

    class Requested(BeginningEvent):
        """A strategy is wanted: of which type, in which mode, drawn from which seed."""

        TOPIC = "Generation.Requested"
        mode: str
        strategy_type: str
        model: str
        seed: int
        why: str

    class Concluded(RecordedEvent):
        """The generation gave this strategy."""

        TOPIC = "Generation.Concluded"
        strategy_id: str
        strategy_name: str
        facts: Mapping[str, Any]

        def apply(self, aggregate: "Generation") -> None:
            aggregate.strategy_id = self.strategy_id

    class Failed(RecordedEvent):
        """The generation gave nothing: why."""

        TOPIC = "Generation.Failed"
        reason: str

        def apply(self, aggregate: "Generation") -> None:
            aggregate.failure = self.reason

    def __init__(self, mode: str, strategy_type: str, model: str, seed: int, why: str) -> None:
        self.mode = mode
        self.strategy_type = strategy_type
        self.model = model
        self.seed = seed
        self.why = why
        self.strategy_id = ""
        self.failure = ""

    @classmethod
    def request(
        cls, key: str, *, strategy_type: str, mode: str, model: str, seed: int, why: str, stamp: Stamp
    ) -> "Generation":
        """Ask for a strategy. The id is a pure function of ``key``: the same key again is a conflict."""
        return cls._begin(
            cls.Requested,
            cls.id_of(key),
            stamp,
            mode=mode,
            strategy_type=strategy_type,
            model=model,
            seed=seed,
            why=why,
        )

    @staticmethod
    def id_of(key: str) -> UUID:
        """Give the id of the generation that was asked for under this key."""
        return id_of("generation", key)

    @property
    def is_over(self) -> bool:
        """Say whether the generation gave a strategy or failed."""
        return bool(self.strategy_id or self.failure)

    def conclude(
        self, strategy_id: UUID, strategy_name: str, stamp: Stamp, facts: Mapping[str, Any] | None = None
    ) -> None:
        """Keep which strategy came of it."""
        if not self.is_over:
            self._record(
                self.Concluded,
                stamp,
                strategy_id=str(strategy_id),
                strategy_name=strategy_name,
                facts=dict(facts or {}),
            )

    def fail(self, reason: str, stamp: Stamp) -> None:
        """Keep that nothing came of it."""
        if not self.is_over:
            self._record(self.Failed, stamp, reason=reason)
