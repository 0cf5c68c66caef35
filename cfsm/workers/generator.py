"""Generation requested -> a strategy of a predefined family -> Generated."""

from collections.abc import Callable, Iterable
from typing import ClassVar
from uuid import UUID

from cfsm.application.ports import Blobs, Renderer
from cfsm.application.tasks import Claim, TaskKind
from cfsm.domain.aggregate import Recorded
from cfsm.domain.code_identity import normalised_hash
from cfsm.domain.generation import Generation
from cfsm.domain.naming import strategy_name
from cfsm.domain.strategy import Origin, Strategy
from cfsm.workers.base import Equipment, TaskWorker

MODEL = "predefined"
DRAWS = 20
"""How many seeds are tried before a family counts as exhausted: each draw was a strategy that exists already."""


class GeneratorWorker(TaskWorker):
    """Renders predefined strategies. Name and seed are functions of the request: a second attempt gives the same."""

    name: ClassVar[str] = "generator"
    kinds: ClassVar[tuple[TaskKind, ...]] = (TaskKind.GENERATE,)

    def __init__(
        self, equipment: Equipment, render: Renderer, blobs: Blobs, name_of_code: Callable[[str], str | None]
    ) -> None:
        super().__init__(equipment)
        self._render = render
        self._blobs = blobs
        self._name_of_code = name_of_code

    def handle(self, claim: Claim) -> None:
        """Render the strategy that the request asks for and record it with the request's conclusion."""
        self.tick(claim, "generating")
        request = self.factory.get(Generation, UUID(claim.subject))
        if request.is_over:
            self.factory.transact(list, claim)
            return
        self.factory.transact(lambda: self._decide(claim), claim)

    def _decide(self, claim: Claim) -> Iterable[Recorded]:
        request = self.factory.get(Generation, UUID(claim.subject))
        stamp = self.factory.stamp(claim, correlation=str(request.id))
        name = strategy_name(request.strategy_type, MODEL, request.created_on, self._is_taken)
        for seed in range(request.seed, request.seed + DRAWS):
            rendered = self._render(request.strategy_type, name, seed)
            source = rendered.source.encode()
            code = normalised_hash(source)
            if self._name_of_code(code) is None:
                break
        else:
            request.fail(f"{DRAWS} seeds from {request.seed} on gave only strategies that exist already", stamp)
            return [request]
        strategy = Strategy.generate(
            name=name,
            strategy_type=request.strategy_type,
            model_used=MODEL,
            origin=Origin.PREDEFINED,
            code_hash=self._blobs.put(source),
            normalised_hash=code,
            generation_id=str(request.id),
            parameters=rendered.parameters,
            stamp=stamp,
        )
        request.conclude(strategy.id, name, stamp, {"seed": seed})
        self.log.info("generated", EVENT=Strategy.Generated.TOPIC, strategy=name, seed=seed)
        return [strategy, request]

    def _is_taken(self, name: str) -> bool:
        return self.factory.find(Strategy, Strategy.id_of(name)) is not None
