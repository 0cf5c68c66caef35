"""What went wrong in a generation, in words, and whom it is no use to ask again."""

from cfsm.domain.answer import Failure
from cfsm.domain.conversation import Unasked
from cfsm.domain.evaluation import Verdict
from cfsm.domain.generation import Generation

MAX_CHARACTERS = 2_000
"""How much of a reason an event keeps."""

LASTING = frozenset(
    {Failure.TIMED_OUT, Failure.STALLED, Failure.TOO_LONG, Failure.PROMPT_CUT, Unasked.UNAVAILABLE, Unasked.REFUSED}
)
"""Failures after which a model is not asked the same again: it would take as long, or fail for the same reason."""


def is_out(generation: Generation, model: str) -> bool:
    """Say whether a model gave no answer yet and failed in a way that will last."""
    given = [generation.answers[step] for step in generation.answers if generation.asked[step].model == model]
    return any(each.failure in LASTING for each in given) and all(each.failure for each in given)


def is_anyone_there(generation: Generation) -> bool:
    """Say whether any model gave any answer, a failed one included."""
    return any(given.failure not in set(Unasked) for given in generation.answers.values())


def why_not(generation: Generation, proposal: str) -> str:
    """Say why nothing came of a proposal: what was wrong in its last round."""
    steps = [step for step, asked in generation.asked.items() if asked.proposal == proposal]
    return _why(generation, steps[-1])[:MAX_CHARACTERS] if steps else "it was not asked"


def why_nothing(generation: Generation) -> str:
    """Say why nothing came of the whole: what was last wrong with each model."""
    reasons = {asked.model: _why(generation, step) for step, asked in generation.asked.items()}
    words = "; ".join(f"{model}: {why}" for model, why in reasons.items())
    return words[:MAX_CHARACTERS] or "no model was asked"


def _why(generation: Generation, step: str) -> str:
    given, proposal = generation.answers.get(step), generation.proposals.get(step)
    if given is not None and given.failure:
        return f"{given.failure}: {given.detail}"
    if proposal is not None and proposal.duplicate_of:
        return f"the same as {proposal.duplicate_of}"
    execution, screening = generation.executions.get(step), generation.screenings.get(step)
    findings = [
        *(proposal.findings if proposal else ()),
        *(execution.findings if execution and execution.verdict != Verdict.ACCEPTED else ()),
        *(screening.findings if screening else ()),
    ]
    if screening is not None and not findings:
        return screening.outcome
    return "; ".join(f"{each['code']}: {each['message']}" for each in findings[:2]) or "nothing usable came"
