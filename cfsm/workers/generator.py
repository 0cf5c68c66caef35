"""Generation requested -> a strategy by models, or of a predefined family -> Generated; and opinions of results."""

from collections.abc import Callable, Iterable
from typing import ClassVar
from uuid import UUID

from cfsm.application.ports import Blobs, Misconfigured, Rendered, Renderer
from cfsm.application.tasks import Claim, TaskKind
from cfsm.domain import credit
from cfsm.domain.aggregate import Recorded
from cfsm.domain.code_identity import normalised_hash
from cfsm.domain.contest import Candidate
from cfsm.domain.conversation import Mode
from cfsm.domain.generation import Generation
from cfsm.domain.intake.renaming import renamed
from cfsm.domain.naming import strategy_name
from cfsm.domain.planning import PREDEFINED, mode_of
from cfsm.domain.strategy import Origin, Strategy
from cfsm.workers.analyst import Analyst
from cfsm.workers.base import Equipment, TaskWorker
from cfsm.workers.studio import Attempt, Studio

DRAWS = 20
"""How many seeds are tried before a family counts as exhausted: each draw was a strategy that exists already."""


class GeneratorWorker(TaskWorker):
    """Lets models make strategies, and renders predefined ones where none is asked or none succeeds.

    What was answered is kept, names and seeds are functions of the request: another attempt asks nothing twice and
    gives the same.
    """

    name: ClassVar[str] = "generator"
    kinds: ClassVar[tuple[TaskKind, ...]] = (TaskKind.GENERATE, TaskKind.OPINION)

    def __init__(
        self,
        equipment: Equipment,
        render: Renderer,
        blobs: Blobs,
        name_of_code: Callable[[str], str | None],
        studio: Studio | None = None,
    ) -> None:
        super().__init__(equipment)
        self._render = render
        self._blobs = blobs
        self._name_of_code = name_of_code
        self._studio = studio

    def subject_field_of(self, claim: Claim) -> str:
        """Give how the log names what a task is about: a generation, or the strategy of an opinion."""
        return "STRATEGY_ID" if claim.kind == TaskKind.OPINION else "GENERATION_ID"

    def handle(self, claim: Claim) -> None:
        """Make the strategy that the request asks for, or give an opinion, and record it with the task."""
        if claim.kind == TaskKind.OPINION:
            self._give_opinion(claim)
        else:
            self._generate(claim)

    def _give_opinion(self, claim: Claim) -> None:
        if self._studio is None:
            self.factory.transact(list, claim)
            return
        is_last = claim.tries >= self._equipment.terms.max_attempts
        analyst = Analyst(self._studio, self.factory, self.log.info)
        analyst.note(claim, is_last=is_last, tick=lambda words: self.tick(claim, words))

    def _generate(self, claim: Claim) -> None:
        self.tick(claim, "generating")
        candidate = self._by_models(claim)
        made: list[Strategy] = []
        if candidate is None:
            self.factory.transact(lambda: self._predefined(claim, made), claim)
        else:
            self.factory.transact(lambda: self._concluded(claim, candidate, made), claim)
        for strategy in made:
            self.log.info(
                "generated",
                EVENT=Strategy.Generated.TOPIC,
                STRATEGY_ID=strategy.id.hex,
                CORRELATION_ID=str(strategy.id),
                strategy=strategy.name,
                model=strategy.model_used,
                origin=strategy.origin.value,
            )

    # By models

    def _by_models(self, claim: Claim) -> Candidate | None:
        """Give what models made; None where a predefined strategy is wanted, or has to take over."""
        request = self.factory.get(Generation, UUID(claim.subject))
        if self._studio is None or request.is_over or self._is_predefined(request, self._studio):
            return None
        attempt = Attempt(
            self._studio,
            self.factory,
            claim,
            is_last=claim.tries >= self._equipment.terms.max_attempts,
            tick=lambda words: self.tick(claim, words),
            log=self.log.info,
        )
        return attempt.make()

    @staticmethod
    def _is_predefined(request: Generation, studio: Studio) -> bool:
        return request.plan is None and mode_of(request.mode, request.model, studio.staff) is Mode.PREDEFINED

    def _concluded(self, claim: Claim, candidate: Candidate, made: list[Strategy]) -> Iterable[Recorded]:
        made.clear()
        request = self.factory.get(Generation, UUID(claim.subject))
        if request.is_over:
            return []
        used = credit.model_used(request)
        name = strategy_name(request.strategy_type, used, request.created_on, self._is_taken)
        stamp = self.factory.stamp(claim, correlation=str(Strategy.id_of(name)))
        text = renamed(self._blobs.get(candidate.code_hash).decode(), name)
        source = f"{credit.head(request)}{text}".encode()
        code = normalised_hash(source)
        twin = self._name_of_code(code)
        if twin is not None:  # another generator was faster with the same
            request.fail(f"the same strategy was made meanwhile: {twin}", stamp.correlated(str(request.id)))
            return [request]
        strategy = Strategy.generate(
            name=name,
            strategy_type=request.strategy_type,
            model_used=used,
            origin=Origin.MODEL,
            code_hash=self._blobs.put(source),
            normalised_hash=code,
            generation_id=str(request.id),
            stamp=stamp,
        )
        request.conclude(strategy.id, name, stamp, credit.summary(request))
        made.append(strategy)
        return [strategy, request]

    # Predefined

    def _predefined(self, claim: Claim, made: list[Strategy]) -> Iterable[Recorded]:
        made.clear()
        request = self.factory.get(Generation, UUID(claim.subject))
        if request.is_over:
            return []
        name = strategy_name(request.strategy_type, PREDEFINED, request.created_on, self._is_taken)
        stamp = self.factory.stamp(claim, correlation=str(Strategy.id_of(name)))
        try:
            seed, rendered, code = self._draw(request, name)
        except _NothingNew as error:
            request.fail(str(error), stamp.correlated(str(request.id)))
            return [request]
        strategy = Strategy.generate(
            name=name,
            strategy_type=request.strategy_type,
            model_used=PREDEFINED,
            origin=Origin.PREDEFINED if request.plan is None else Origin.FALLBACK,
            code_hash=self._blobs.put(rendered.source.encode()),
            normalised_hash=code,
            generation_id=str(request.id),
            parameters=rendered.parameters,
            stamp=stamp,
        )
        request.conclude(strategy.id, name, stamp, {"seed": seed})
        made.append(strategy)
        return [strategy, request]

    def _draw(self, request: Generation, name: str) -> tuple[int, Rendered, str]:
        """Give the first seed whose strategy is new, the strategy, and its code's hash. Raise _NothingNew."""
        for seed in range(request.seed, request.seed + DRAWS):
            try:
                rendered = self._render(request.strategy_type, name, seed)
            except Misconfigured as error:  # the request is a fact: nothing that anybody changes now makes it right
                raise _NothingNew(str(error)) from error
            code = normalised_hash(rendered.source.encode())
            if self._name_of_code(code) is None:
                return seed, rendered, code
        raise _NothingNew(f"{DRAWS} seeds from {request.seed} on gave only strategies that exist already")

    def _is_taken(self, name: str) -> bool:
        return self.factory.find(Strategy, Strategy.id_of(name)) is not None


class _NothingNew(Exception):
    """Nothing comes of the request; the message says why."""
