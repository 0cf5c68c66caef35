"""A proposal: a model writes, the answer is taken in and run, and what is wrong goes back to a model, a few times."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from cfsm.application.conversation import Asking, Conversation
from cfsm.application.ports import Prompt, Prompts
from cfsm.domain.answer import Question
from cfsm.domain.blueprint import Blueprint, schema
from cfsm.domain.code_identity import NotPython, normalised_hash
from cfsm.domain.contest import Candidate
from cfsm.domain.conversation import (
    Channel,
    Execution,
    Given,
    Plan,
    Proposal,
    Purpose,
    Screening,
    ScreenOutcome,
)
from cfsm.domain.evaluation import Finding, Verdict
from cfsm.domain.generation import Generation
from cfsm.domain.intake.blueprints import take_in_blueprint
from cfsm.domain.intake.code import Wanted
from cfsm.domain.intake.extraction import spoken_text
from cfsm.domain.intake.json_text import find_json
from cfsm.domain.intake.renaming import renamed
from cfsm.domain.intake.taking_in import take_in
from cfsm.domain.setbacks import LASTING

ANSWER_TOKENS: Mapping[str, int] = {Channel.BLUEPRINT: 1_000, Channel.SOURCE: 1_600}
"""The longest answer of each channel: twice what a usual one has."""

MOST_FINDINGS = 3
"""How many findings a model is shown at once: more confuse a small one."""

MAX_FINDING_CHARACTERS = 400

NEVER_TRADES = Finding(
    "NEVER_TRADES",
    "It runs, but it never opened a trade in {days}",
    None,
    "Loosen the conditions to enter: fewer of them, or nearer thresholds.",
)
DUPLICATE = Finding(
    "DUPLICATE", "This is the strategy {name}, which exists already", None, "Use other indicators or other rules."
)


@dataclass(frozen=True)
class Example:
    """A strategy of the factory's own that did well, as a model may be shown it: its code, or its form."""

    name: str
    text: str


@dataclass(frozen=True)
class Surroundings:
    """What a model is told of where its strategy will trade: the market in words, its timeframes, and examples."""

    market: str
    timeframes: Sequence[str]
    examples: Mapping[str, Sequence[Example]]
    """By channel."""


class Trials(Protocol):
    """Runs proposals in the sandbox, one at a time."""

    async def execute(self, step: str, class_name: str, source: bytes) -> Execution:
        """Load and execute a proposal. Raise TryAgain, Misconfigured or Cancelled."""

    async def screen(self, step: str, class_name: str, source: bytes) -> Screening:
        """Backtest a proposal on the screening range. Raise TryAgain, Misconfigured or Cancelled."""


@dataclass(frozen=True)
class Brief:
    """What a proposal begins with: under which name, for which purpose, from whom, with which prompt.

    ``facts`` are what the prompt is filled with besides what every prompt gets.
    """

    proposal: str
    purpose: Purpose
    model: str
    prompt: str
    facts: Mapping[str, str]


@dataclass(frozen=True)
class _Draft:
    """What a model wrote in the round before, as it is shown to it again, and what is wrong with it."""

    text: str = ""
    findings: Sequence[Mapping[str, Any]] = ()


class Proposals:
    """Makes proposals of one generation."""

    def __init__(
        self,
        conversation: Conversation,
        plan: Plan,
        prompts: Prompts,
        trials: Trials,
        surroundings: Surroundings,
        render: Callable[[Blueprint, str], str],
        name_of_code: Callable[[str], str | None],
        class_name: Callable[[str], str],
        *,
        is_screened: bool,
    ) -> None:
        self._conversation = conversation
        self._plan = plan
        self._prompts = prompts
        self._trials = trials
        self._surroundings = surroundings
        self._render = render
        self._name_of_code = name_of_code
        self._class_name = class_name
        self._is_screened = is_screened

    @property
    def _generation(self) -> Generation:
        return self._conversation.generation

    @property
    def timeframe(self) -> str:
        """The timeframe that prompts name: the one that suits the type, where there are candles of it."""
        wanted = {"scalping": "5m", "trend": "1h"}.get(self._generation.strategy_type, "15m")
        offered = self._surroundings.timeframes
        return wanted if wanted in offered or not offered else offered[0]

    async def make(self, brief: Brief) -> Candidate | None:
        """Give the proposal as a candidate that runs and trades; None if that did not come of it in all rounds.

        What went wrong goes back to the model with another seed; an answer that is none is asked for again.
        """
        draft = _Draft()
        for number in range(self._plan.rounds + 1):
            name = f"{brief.proposal}/{number}"
            given = await self._conversation.ask(name, lambda: self._asking(brief, number, draft))  # noqa: B023 - at once
            if given.failure in LASTING:
                return None
            if given.failure:
                continue  # the same again, with another seed
            proposal = self._take_in(name, number, brief, given)
            if proposal.duplicate_of == proposal.proposal:
                return None  # the model was told what is wrong and changed nothing: it will not the next time either
            wrong = await self._wrong_with(proposal)
            if not wrong:
                return self.candidate(proposal)
            draft = _Draft(self._shown(proposal, given), wrong)
        return None

    def candidate(self, proposal: Proposal) -> Candidate:
        """Give a proposal as a candidate."""
        place = list(self._generation.proposals).index(proposal.step)
        return Candidate.of(proposal, self._generation.screenings.get(proposal.step), place)

    def shown(self, candidate: Candidate, class_name: str) -> str:
        """Give a candidate as models may be shown it: its form, or its code under a name that tells no author."""
        proposal, given = self._generation.proposals[candidate.step], self._generation.answers[candidate.step]
        text = self._shown(proposal, given)
        return text if proposal.channel == Channel.BLUEPRINT else renamed(text, class_name)

    def fits(self, prompt: str, facts: Mapping[str, str], model: str) -> bool:
        """Say whether a prompt that is filled in so leaves room for an answer."""
        return tokens(self._compose(prompt, facts, model)) <= self._budget

    # Asking

    @property
    def _budget(self) -> int:
        return self._conversation.num_ctx - ANSWER_TOKENS[self._plan.channel]

    def _asking(self, brief: Brief, number: int, draft: _Draft) -> Asking:
        """Give what is asked in a round: to mend the draft; to write, where there is none or it is too long to show."""
        if draft.text:
            model = self._repairer(brief.model, number)
            facts = {"findings": in_words(draft.findings), "code": draft.text}
            prompt = self._compose(f"repair-{self._plan.channel}", facts, model)
            if tokens(prompt) <= self._budget:
                return self._in_channel(brief, number, Purpose.REPAIR, model, prompt)
        prompt, shown = self._with_examples(brief)
        return self._in_channel(brief, number, brief.purpose, brief.model, prompt, shown)

    def _in_channel(
        self, brief: Brief, number: int, purpose: Purpose, model: str, prompt: Prompt, shown: Sequence[str] = ()
    ) -> Asking:
        channel = self._plan.channel
        return Asking(
            proposal=brief.proposal,
            purpose=purpose,
            round=number,
            channel=channel,
            model=model,
            prompt=prompt,
            num_predict=ANSWER_TOKENS[channel],
            schema=schema() if channel == Channel.BLUEPRINT else None,
            examples=shown,
        )

    def _with_examples(self, brief: Brief) -> tuple[Prompt, list[str]]:
        """Give the prompt, one for writing with as many examples as fit, and the examples' names."""
        examples = self._surroundings.examples.get(self._plan.channel, ()) if brief.purpose is Purpose.WRITE else ()
        for count in range(len(examples), -1, -1):
            shown = examples[:count]
            prompt = self._compose(brief.prompt, {**brief.facts, "examples": _as_examples(shown)}, brief.model)
            if tokens(prompt) <= self._budget:
                break
        return prompt, [each.name for each in shown]

    def _compose(self, name: str, facts: Mapping[str, str], model: str) -> Prompt:
        common = {
            "type": self._generation.strategy_type.replace("_", " "),
            "family": self._generation.strategy_type,
            "market": self._surroundings.market,
            "timeframe": self.timeframe,
            "class_name": self._class_name(model),
        }
        return self._prompts.compose(name, common | dict(facts))

    def _repairer(self, writer: str, number: int) -> str:
        """Give who mends: the writer, unless others are named for it, who then take turns."""
        repairers = self._plan.repairers
        return writer if not repairers or writer in repairers else repairers[(number - 1) % len(repairers)]

    # Taking in

    def _take_in(self, name: str, number: int, brief: Brief, given: Given) -> Proposal:
        if name in self._generation.proposals:
            return self._generation.proposals[name]
        asked = self._generation.asked[name]
        class_name = self._class_name(asked.model)
        text = self._conversation.read(given.answer_hash)
        taken = (
            self._of_form(text, class_name) if asked.channel == Channel.BLUEPRINT else self._of_code(text, class_name)
        )
        code = _code_identity(taken.source) if taken.source and not taken.findings else ""
        proposal = Proposal(
            step=name,
            proposal=brief.proposal,
            round=number,
            channel=asked.channel,
            model=asked.model,
            class_name=class_name,
            code_hash=self._conversation.keep(taken.source) if taken.source else "",
            normalised_hash=code,
            extraction=list(taken.steps),
            repairs=list(taken.repairs),
            findings=[asdict(finding) for finding in taken.findings],
            duplicate_of=(self._twin(code) or self._name_of_code(code) or "") if code else "",
        )
        self._conversation.record(lambda generation, stamp: generation.propose(proposal, stamp))
        repairs, faults = [each["name"] for each in proposal.repairs], [each["code"] for each in proposal.findings]
        self._conversation.note("took in", step=name, repairs=repairs, findings=faults, twin=proposal.duplicate_of)
        return proposal

    def _of_code(self, answer: str, class_name: str) -> "_Taken":
        taken = take_in(answer, Wanted(class_name, self.timeframe))
        return _Taken(taken.source, taken.steps, tuple(asdict(each) for each in taken.repairs), taken.findings)

    def _of_form(self, answer: str, class_name: str) -> "_Taken":
        taken = take_in_blueprint(answer)
        steps = ("blueprint",) if taken.is_strict else ("blueprint", "json_lenient")
        if taken.blueprint is None:
            return _Taken("", steps, (), taken.findings)
        return _Taken(self._render(taken.blueprint, class_name), steps, (), ())

    def _twin(self, code: str) -> str | None:
        """Give the proposal of this generation that says the same: another's, or its own of a round before."""
        return next(
            (each.proposal for each in self._generation.proposals.values() if each.normalised_hash == code), None
        )

    # Running

    async def _wrong_with(self, proposal: Proposal) -> Sequence[Mapping[str, Any]]:
        """Give what is wrong with a proposal; nothing if it is new, runs and trades."""
        if proposal.findings:
            return proposal.findings
        if proposal.duplicate_of:
            return [asdict(_duplicate(proposal))]
        return await self._try(proposal)

    async def _try(self, proposal: Proposal) -> Sequence[Mapping[str, Any]]:
        """Give what is wrong with a proposal when it is run; nothing if it runs and trades."""
        source = self._conversation.read(proposal.code_hash).encode()
        execution = self._generation.executions.get(proposal.step)
        if execution is None:
            execution = await self._trials.execute(proposal.step, proposal.class_name, source)
            self._conversation.record(lambda generation, stamp: generation.execute(execution, stamp))
            found = [each["code"] for each in execution.findings]
            self._conversation.note("executed", step=proposal.step, verdict=execution.verdict, findings=found)
        if execution.verdict != Verdict.ACCEPTED:
            return execution.findings
        if not self._is_screened:
            return ()
        screening = self._generation.screenings.get(proposal.step)
        if screening is None:
            screening = await self._trials.screen(proposal.step, proposal.class_name, source)
            self._conversation.record(lambda generation, stamp: generation.screen(screening, stamp))
            figures = {name: screening.figures.get(name) for name in ("total_trades", "sharpe_daily")}
            self._conversation.note("screened", step=proposal.step, outcome=screening.outcome, **figures)
        if screening.outcome == ScreenOutcome.NEVER_TRADES:
            return [asdict(_never_trades(screening))]
        return screening.findings if screening.outcome == ScreenOutcome.BROKEN else ()

    def _shown(self, proposal: Proposal, given: Given) -> str:
        """Give what a model wrote, as it is shown to a model again; nothing where there is no strategy in it."""
        if proposal.channel == Channel.BLUEPRINT:
            found = find_json(spoken_text(self._conversation.read(given.answer_hash)))
            return json.dumps(found[0]) if found and isinstance(found[0], dict) else ""
        return self._conversation.read(proposal.code_hash).strip() if proposal.code_hash else ""


@dataclass(frozen=True)
class _Taken:
    source: str
    steps: Sequence[str]
    repairs: Sequence[Mapping[str, Any]]
    findings: Sequence[Finding]


def tokens(prompt: Prompt) -> int:
    """Give a careful estimate of a prompt's tokens."""
    return Question("", prompt.messages, 0).prompt_tokens


def in_words(findings: Iterable[Mapping[str, Any]]) -> str:
    """Give findings as a model is told them: the first few, each with its line and what to do."""
    lines = []
    for finding in list(findings)[:MOST_FINDINGS]:
        place = f" (line {finding['line']})" if finding.get("line") else ""
        what_to_do = f" {finding['what_to_do']}" if finding.get("what_to_do") else ""
        lines.append(f"- {finding['code']}{place}: {finding['message']}."[:MAX_FINDING_CHARACTERS] + what_to_do)
    return "\n".join(lines)


def _as_examples(examples: Sequence[Example]) -> str:
    if not examples:
        return ""
    shown = "\n\n".join(f"```\n{example.text.strip()}\n```" for example in examples)
    return f"\nThese did well before. Write something else:\n\n{shown}"


def _code_identity(source: str) -> str:
    try:
        return normalised_hash(source.encode())
    except NotPython:
        return ""  # the sandbox says what is wrong with it


def _duplicate(proposal: Proposal) -> Finding:
    return Finding(DUPLICATE.code, DUPLICATE.message.format(name=proposal.duplicate_of), None, DUPLICATE.what_to_do)


def _never_trades(screening: Screening) -> Finding:
    message = NEVER_TRADES.message.format(days=screening.timerange or "all candles")
    return Finding(NEVER_TRADES.code, message, None, NEVER_TRADES.what_to_do)
