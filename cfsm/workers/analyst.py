"""A backtest's result -> the opinion of a model, noted on the strategy. It decides nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

import orjson

from cfsm.application.conversation import ANSWER, MAX_DETAIL_CHARACTERS, PROMPT
from cfsm.application.factory import Factory
from cfsm.application.history import History
from cfsm.application.ports import LanguageModels, Misconfigured, Prompt, TryAgain
from cfsm.application.proposing import tokens
from cfsm.application.tasks import Claim
from cfsm.domain.aggregate import Recorded
from cfsm.domain.answer import Answer, FailedAnswer, Heard, Question
from cfsm.domain.answer_forms import ANALYSIS
from cfsm.domain.conversation import FailedOpinion, Opinion
from cfsm.domain.evaluation import Evaluation
from cfsm.domain.intake.opinions import Analysis, analysis_in
from cfsm.domain.naming import id_of
from cfsm.domain.planning import by_strength
from cfsm.domain.strategy import Strategy
from cfsm.workers.studio import Studio
from cfsm.workers.watching import watched

ANSWER_TOKENS = 600
FEWEST_WORDS = 3
"""A shorter diagnosis says nothing."""

TELLS_NONE = "tells_none"
"""The reason of a whole answer that holds no opinion, beside those of failed answers; a stable word that is stored."""

SHOWN = (
    "total_trades",
    "profit_total",
    "profit_factor",
    "winrate",
    "expectancy_ratio",
    "max_drawdown_account",
    "sharpe_daily",
    "sortino_daily",
    "timeframe",
    "backtest_start",
    "backtest_end",
)
"""The figures that a model is shown."""


class Analyst:
    """Asks the strongest model that answers for its opinion of a backtest.

    An answer without an opinion is recorded as soon as it came, the opinion together with the end of its task: another
    attempt asks no model whose answer was recorded.

    ``tick`` is told what goes on; what it raises ends the attempt.
    """

    def __init__(self, studio: Studio, factory: Factory, log: Callable[..., Any]) -> None:
        self._studio = studio
        self._factory = factory
        self._log = log

    def note(self, claim: Claim, *, is_last: bool, tick: Callable[[str], None]) -> None:
        """Record a model's opinion and close the task; without one where no model has any.

        Raise TryAgain where the server is away and there will be another attempt.
        """
        strategy = self._factory.get(Strategy, UUID(claim.subject))
        run_id = next((run for run, model in strategy.opinions.items() if not model), "")
        opinion = None
        if run_id and not strategy.is_retired:
            asking = self._asked(claim, strategy, run_id, is_last=is_last)
            opinion = watched(asking, lambda: tick(f"an opinion of {strategy.name}"))

        def decide() -> Iterable[Recorded]:
            if opinion is None:
                return []
            again = self._factory.get(Strategy, strategy.id)
            again.note_opinion(opinion, self._factory.stamp(claim, correlation=str(strategy.id)))
            return [again]

        self._factory.transact(decide, claim)
        if opinion is not None:
            self._log("opinion", strategy=strategy.name, model=opinion.model, diagnosis=opinion.opinion["diagnosis"])

    async def _asked(self, claim: Claim, strategy: Strategy, run_id: str, *, is_last: bool) -> Opinion | None:
        prompt = self._prompt(strategy, run_id)
        without = strategy.failed_opinions.get(run_id, ())
        async with self._studio.open_models() as models:
            for model in await self._strongest(models):
                if model in without:
                    continue
                try:
                    answer = await models.ask(self._question(model, prompt, run_id), _no_progress)
                except TryAgain:
                    if not is_last:
                        raise
                    continue
                except Misconfigured as error:
                    self._log("no opinion", model=model, why=str(error))
                    continue
                analysis = analysis_in(answer.text) if isinstance(answer, Answer) else None
                origin = self._origin(run_id, prompt, answer)
                if analysis is not None and _says_something(analysis):
                    return Opinion(**origin, opinion=_as_facts(analysis))
                reason, detail = _why_none(answer)
                self._keep_failed(claim, strategy, FailedOpinion(**origin, reason=reason, detail=detail))
        return None

    def _keep_failed(self, claim: Claim, strategy: Strategy, failed: FailedOpinion) -> None:
        def decide() -> Iterable[Recorded]:
            again = self._factory.get(Strategy, strategy.id)
            again.fail_opinion(failed, self._factory.stamp(claim, correlation=str(strategy.id)))
            return [again]

        self._factory.transact(decide)
        self._log("no opinion", strategy=strategy.name, model=failed.model, why=failed.detail)

    async def _strongest(self, models: LanguageModels) -> Sequence[str]:
        staff = self._studio.staff
        if staff.strongest:
            return staff.strongest
        return by_strength(list(staff.models), await models.models())

    def _prompt(self, strategy: Strategy, run_id: str) -> Prompt:
        """Give the prompt; without the code where it does not fit whole."""
        code = self._studio.blobs.get(strategy.code_hash).decode()
        facts = {"figures": self._figures(run_id), "code": code}
        prompt = self._studio.prompts.compose("opinion", facts)
        if tokens(prompt) > self._studio.limits.num_ctx - ANSWER_TOKENS:
            prompt = self._studio.prompts.compose("opinion", facts | {"code": "# too long to be shown"})
        return prompt

    def _figures(self, run_id: str) -> str:
        completed = [
            happening.facts["figures"]
            for happening in History(self._factory.store).of([Evaluation.id_of(run_id)])
            if happening.topic == Evaluation.Completed.TOPIC
        ]
        figures = completed[-1] if completed else {}
        return "\n".join(f"{name}: {_short(figures[name])}" for name in SHOWN if figures.get(name) is not None)

    def _question(self, model: str, prompt: Prompt, run_id: str) -> Question:
        limits = self._studio.limits
        words = "\n".join(message.content for message in prompt.messages)
        seconds = limits.seconds(model, limits.complexity(words))
        return Question(
            model=model,
            messages=prompt.messages,
            seed=id_of("opinion", f"{run_id}/{model}").int % 2**31,
            num_ctx=limits.num_ctx,
            num_predict=ANSWER_TOKENS,
            temperature=limits.temperature,
            schema=ANALYSIS,
            limit_seconds=seconds,
            first_token_seconds=min(limits.first_token_seconds, seconds),
            idle_seconds=min(limits.idle_seconds, seconds),
        )

    def _origin(self, run_id: str, prompt: Prompt, answer: Answer | FailedAnswer) -> dict[str, Any]:
        """Give who was asked what, and how the answer came; prompt and answer are kept."""
        put = self._studio.blobs.put
        blobs = {PROMPT: put(orjson.dumps([asdict(message) for message in prompt.messages]))}
        if answer.text:
            blobs[ANSWER] = put(answer.text.encode())
        return {
            "run_id": run_id,
            "model": answer.model,
            "digest": answer.digest,
            "prompt_name": prompt.name,
            "prompt_version": prompt.version,
            "prompt_hash": prompt.text_hash,
            "prompt_tokens": answer.prompt_tokens,
            "answer_tokens": answer.answer_tokens,
            "seconds": round(answer.seconds, 3),
            "blobs": blobs,
        }


def _says_something(analysis: Analysis) -> bool:
    return bool(analysis.changes) or len(analysis.diagnosis.split()) >= FEWEST_WORDS


def _why_none(answer: Answer | FailedAnswer) -> tuple[str, str]:
    if isinstance(answer, FailedAnswer):
        return answer.reason.value, answer.detail[:MAX_DETAIL_CHARACTERS]
    return TELLS_NONE, "the answer tells none"


def _as_facts(analysis: Analysis) -> dict[str, Any]:
    changes = [_as_change(asdict(change)) for change in analysis.changes]
    return {"diagnosis": analysis.diagnosis, "changes": changes}


def _as_change(change: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "parameter": change["parameter"],
        "from": change["before"],
        "to": change["after"],
        "reason": change["reason"],
    }


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _no_progress(_: Heard) -> None:
    """Nobody watches an opinion."""
