"""The modes: how models make one strategy, alone or together. What runs decides; models are asked about ties only."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from cfsm.application.conversation import Asking, Conversation
from cfsm.application.ports import Prompts
from cfsm.application.proposing import Brief, Proposals, Surroundings, tokens
from cfsm.domain.answer_forms import CHOICE, IDEA, IDEAS
from cfsm.domain.contest import Candidate, ranked, tied
from cfsm.domain.conversation import (
    DecidedBy,
    Decision,
    FellBackTo,
    Given,
    Judgement,
    Mode,
    Plan,
    Purpose,
    Vote,
)
from cfsm.domain.generation import Generation
from cfsm.domain.intake.choices import choice_in, letters
from cfsm.domain.intake.opinions import Idea, ideas_in
from cfsm.domain.planning import PREDEFINED
from cfsm.domain.residency import Round
from cfsm.domain.setbacks import is_anyone_there, is_out, why_not, why_nothing

SHORT_ANSWER_TOKENS = 500
"""The longest answer that is no strategy: ideas, an agreement, a vote, a judgement."""

ENOUGH_TOGETHER = 2
"""Proposals, or models with ideas, without which there is nothing to join."""

Result = TypeVar("Result")


class Modes:
    """Makes one strategy by its generation's plan.

    ``rounds`` says which models are asked at the same time: those that fit in memory together. ``unload`` frees a
    model's memory before the next round.
    """

    def __init__(
        self,
        conversation: Conversation,
        plan: Plan,
        prompts: Prompts,
        proposals: Proposals,
        surroundings: Surroundings,
        rounds: Sequence[Round],
        unload: Callable[[str], Awaitable[None]],
    ) -> None:
        self._conversation = conversation
        self._plan = plan
        self._prompts = prompts
        self._proposals = proposals
        self._surroundings = surroundings
        self._rounds = rounds
        self._unload = unload

    @property
    def _generation(self) -> Generation:
        return self._conversation.generation

    async def make(self) -> Candidate | None:
        """Give the strategy that came of it, decided and recorded; None where a predefined one has to take over.

        Raise TryAgain where the world failed and there will be another attempt; what was answered is kept.
        """
        mode = Mode(self._plan.mode)
        candidate = await {
            Mode.SINGLE: self._single,
            Mode.SAMPLING: self._sampling,
            Mode.CONTEST: self._contest,
            Mode.VOTING: self._voting,
            Mode.CONSENSUS: self._consensus,
        }[mode]()
        if candidate is None and mode.is_cooperative:
            candidate = await self._standard(mode)
        if candidate is None:
            before = self._plan.writers[0] if mode is Mode.SINGLE else mode.value
            self._fall_back("predefined", before, PREDEFINED, why_nothing(self._generation))
        return candidate

    # One model

    async def _single(self) -> Candidate | None:
        """One model writes; where it fails the next faster one does."""
        return await self._one_of([*self._plan.writers, *self._plan.fallbacks], "")

    async def _standard(self, mode: Mode) -> Candidate | None:
        """What takes over where a cooperation failed: the fastest model alone, if any model is there at all."""
        if not is_anyone_there(self._generation):
            return None
        self._fall_back("mode", mode.value, Mode.SINGLE.value, why_nothing(self._generation))
        return await self._one_of(self._plan.fallbacks, "alone ")

    async def _one_of(self, models: Sequence[str], label: str) -> Candidate | None:
        for place, model in enumerate(models):
            candidate = await self._proposals.make(self._writing(f"{label}{model}", model))
            if candidate is not None:
                self._decide([candidate], candidate, DecidedBy.ONLY_ONE)
                return candidate
            if place + 1 < len(models):
                self._fall_back("model", model, models[place + 1], why_not(self._generation, f"{label}{model}"))
        return None

    async def _sampling(self) -> Candidate | None:
        """One model writes several times over, each time with another seed; the best is taken."""
        model, fallbacks = self._plan.writers[0], self._plan.fallbacks
        made = []
        for number in range(1, self._plan.samples + 1):
            made.append(await self._proposals.make(self._writing(f"{model} #{number}", model)))
            if is_out(self._generation, model):
                break
        best = await self._best(made)
        if best is None and fallbacks:
            self._fall_back("model", model, fallbacks[0], why_nothing(self._generation))
            return await self._one_of(fallbacks, "")
        return best

    # Several models

    async def _contest(self) -> Candidate | None:
        """Each writes one; the best is taken."""
        return await self._best(await self._written())

    async def _voting(self) -> Candidate | None:
        """Each writes one, each votes, and the strongest joins the best parts."""
        found = ranked(await self._written())
        if len(found) < ENOUGH_TOGETHER:
            if found:
                self._fall_back("mode", Mode.VOTING, Mode.CONTEST, "only one proposal runs: there is nothing to join")
            return await self._best(found)
        facts = self._joining(found, await self._votes(found))
        prompt = f"synthesis-{self._plan.channel}"
        joined = None
        if facts:
            joined = await self._by_the_strongest(
                lambda model: Brief(f"synthesis by {model}", Purpose.SYNTHESIS, model, prompt, facts)
            )
        if joined is not None:
            self._decide([joined, *found], joined, DecidedBy.MODE)
            return joined
        why = "no model joined the proposals into one that runs" if facts else "the proposals are too long to be joined"
        self._fall_back("mode", Mode.VOTING, Mode.CONTEST, why)
        return await self._best(found)

    async def _consensus(self) -> Candidate | None:
        """Each gives ideas, the strongest merges them, and what was agreed on is implemented."""
        ideas = await self._ideas()
        if len(ideas) < ENOUGH_TOGETHER:
            return None
        agreed = await self._agreement(ideas)
        if agreed is None:
            return None
        facts = {"agreement": in_words(agreed)}
        prompt = f"implement-{self._plan.channel}"
        made = await self._by_the_strongest(
            lambda model: Brief(f"implementation by {model}", Purpose.IMPLEMENTATION, model, prompt, facts)
        )
        if made is not None:
            self._decide([made], made, DecidedBy.MODE)
        return made

    # The steps of several models

    async def _by_the_strongest(self, brief: Callable[[str], Brief]) -> Candidate | None:
        """Let the strongest model do what only one does; where it fails the next strongest does."""
        models = self._strongest()
        for place, model in enumerate(models):
            wanted = brief(model)
            made = await self._proposals.make(wanted)
            if made is not None:
                return made
            if place + 1 < len(models):
                self._fall_back("model", model, models[place + 1], why_not(self._generation, wanted.proposal))
        return None

    def _strongest(self) -> Sequence[str]:
        """Give the strongest models, without those that could not answer so far; all of them if none could."""
        able = [model for model in self._plan.strongest if not is_out(self._generation, model)]
        return able or self._plan.strongest

    async def _written(self) -> list[Candidate]:
        made = await self._side_by_side(lambda model: self._proposals.make(self._writing(model, model)))
        return [each for each in made.values() if each is not None]

    async def _votes(self, found: Sequence[Candidate]) -> list[Vote]:
        """Let every model vote that is able to answer; the proposals are shown without their authors."""
        offered = self._that_fit("vote", found)
        names, shown = letters(len(offered)), self._as_proposals(offered)

        async def vote(model: str) -> Vote | None:
            step = f"vote/{model}"
            if len(offered) < ENOUGH_TOGETHER or is_out(self._generation, model):
                return None
            given = await self._ask_shortly(step, model, Purpose.VOTE, "vote", {"proposals": shown}, CHOICE)
            if step not in self._generation.votes:
                letter, reason = ("", "") if given.failure else choice_in(self._text(given), names)
                choice = offered[names.index(letter)].proposal if letter else ""
                cast = Vote(step, model, choice, reason)
                self._conversation.record(lambda generation, stamp: generation.vote(cast, stamp))
            return self._generation.votes[step]

        return [cast for cast in (await self._side_by_side(vote)).values() if cast is not None]

    async def _ideas(self) -> dict[str, tuple[Idea, ...]]:
        async def think(model: str) -> tuple[Idea, ...]:
            given = await self._ask_shortly(f"ideas/{model}", model, Purpose.IDEAS, "ideas", {}, IDEAS)
            return () if given.failure else ideas_in(self._text(given))

        return {model: ideas for model, ideas in (await self._side_by_side(think)).items() if ideas}

    async def _agreement(self, ideas: Mapping[str, Sequence[Idea]]) -> Idea | None:
        """Let the strongest that can merge the ideas."""
        groups = zip(letters(len(ideas)), ideas.values(), strict=True)
        shown = "\n\n".join(f"{letter}:\n" + "\n".join(map(in_words, group)) for letter, group in groups)
        for model in self._strongest():
            step = f"agreement/{model}"
            given = await self._ask_shortly(step, model, Purpose.AGREEMENT, "agreement", {"proposals": shown}, IDEA)
            merged = () if given.failure else ideas_in(self._text(given))
            if merged:
                return merged[0]
        return None

    async def _side_by_side(self, ask: Callable[[str], Awaitable[Result]]) -> dict[str, Result]:
        """Ask every writer, those of one round at the same time; one that fails stops none of the others."""
        results: dict[str, Result] = {}
        trouble: list[BaseException] = []
        for number, together in enumerate(self._rounds):
            came = await asyncio.gather(*map(ask, together.models), return_exceptions=True)
            for model, result in zip(together.models, came, strict=True):
                if isinstance(result, BaseException):
                    trouble.append(result)
                else:
                    results[model] = result
            if number + 1 < len(self._rounds):
                await asyncio.gather(*map(self._unload, together.models))
        if trouble:
            raise trouble[0]
        return {model: results[model] for model in self._plan.writers if model in results}

    async def _ask_shortly(
        self,
        step: str,
        model: str,
        purpose: Purpose,
        prompt: str,
        facts: Mapping[str, str],
        schema: Mapping[str, Any],
    ) -> Given:
        generation = self._generation
        common = {
            "type": generation.strategy_type.replace("_", " "),
            "family": generation.strategy_type,
            "market": self._surroundings.market,
        }
        return await self._conversation.ask(
            step,
            lambda: Asking(
                proposal="",
                purpose=purpose,
                round=0,
                channel=self._plan.channel,
                model=model,
                prompt=self._prompts.compose(prompt, common | dict(facts)),
                num_predict=SHORT_ANSWER_TOKENS,
                schema=schema,
            ),
        )

    def _that_fit(self, prompt: str, found: Sequence[Candidate]) -> Sequence[Candidate]:
        """Give as many of the best proposals as a prompt for a short answer can hold."""
        room = self._conversation.num_ctx - SHORT_ANSWER_TOKENS
        for count in range(len(found), 0, -1):
            shown = self._as_proposals(found[:count])
            if tokens(self._prompts.compose(prompt, {"proposals": shown})) <= room:
                return found[:count]
        return ()

    # Choosing

    async def _best(self, made: Iterable[Candidate | None]) -> Candidate | None:
        """Give the best by running; where running cannot tell the first two apart, a model may."""
        order = ranked([each for each in made if each is not None])
        if not order:
            return None
        decided_by = DecidedBy.ONLY_ONE if len(order) == 1 else DecidedBy.SCREENING
        if len(order) > 1 and tied(order[0], order[1]):
            choice = await self._judged(order[0], order[1])
            decided_by = DecidedBy.ORDER if choice is None else DecidedBy.JUDGE
            if choice is order[1]:
                order[:2] = reversed(order[:2])
        self._decide(order, order[0], decided_by)
        return order[0]

    async def _judged(self, first: Candidate, second: Candidate) -> Candidate | None:
        """Ask the strongest model in both orders; None unless it chose the same one twice, or if both are too long."""
        if len(self._that_fit("judge", (first, second))) < ENOUGH_TOGETHER:
            return None
        choices = [await self._judgement(pair) for pair in ((first, second), (second, first))]
        return choices[0] if choices[0] is choices[1] else None

    async def _judgement(self, pair: tuple[Candidate, Candidate]) -> Candidate | None:
        judge = self._strongest()[0]
        shown = [each.proposal for each in pair]
        step = f"judge/{shown[0]} or {shown[1]}"
        facts = {"proposals": self._as_proposals(pair)}
        given = await self._ask_shortly(step, judge, Purpose.JUDGE, "judge", facts, CHOICE)
        if step not in self._generation.judgements:
            names = letters(2)
            letter, reason = ("", "") if given.failure else choice_in(self._text(given), names)
            choice = shown[names.index(letter)] if letter else ""
            judgement = Judgement(step, judge, shown, choice, reason)
            self._conversation.record(lambda generation, stamp: generation.judge(judgement, stamp))
        chosen = self._generation.judgements[step].choice
        return next((each for each in pair if each.proposal == chosen), None)

    def _decide(self, order: Sequence[Candidate], winner: Candidate, decided_by: DecidedBy) -> None:
        decision = Decision(
            winner=winner.proposal,
            model=winner.model,
            step=winner.step,
            decided_by=decided_by.value,
            ranking=[each.as_rank() for each in order],
        )
        self._conversation.record(lambda generation, stamp: generation.decide(decision, stamp))
        self._conversation.note("decided", winner=winner.proposal, decided_by=decided_by.value, of=len(order))

    # Words

    def _writing(self, proposal: str, model: str) -> Brief:
        return Brief(proposal, Purpose.WRITE, model, f"write-{self._plan.channel}", {})

    def _joining(self, found: Sequence[Candidate], votes: Sequence[Vote]) -> Mapping[str, str]:
        """Give what a synthesis is told: as many of the best proposals as a prompt can hold, none if not two."""
        names = dict(zip((each.proposal for each in found), letters(len(found)), strict=True))
        said = [f"- {names[vote.choice]}: {vote.reason}" for vote in votes if vote.choice and vote.reason]
        facts = {"votes": "\n".join(["Said for them:", *said]) if said else ""}
        for count in range(len(found), ENOUGH_TOGETHER - 1, -1):
            facts["proposals"] = self._as_proposals(found[:count])
            if self._proposals.fits(f"synthesis-{self._plan.channel}", facts, self._strongest()[0]):
                return facts
        return {}

    def _as_proposals(self, found: Sequence[Candidate]) -> str:
        """Give proposals as prompts show them: a letter each, without the author, with the screening's figures."""
        blocks = []
        for letter, each in zip(letters(len(found)), found, strict=True):
            profit = "" if each.profit_total is None else f", profit {each.profit_total:.1%}"
            score = "" if each.score is None else f", Sharpe {each.score:.2f}"
            figures = f" ({each.trades} trades{profit}{score})" if each.outcome else ""
            blocks.append(f"Strategy {letter}{figures}:\n```\n{self._proposals.shown(each, f'Strategy{letter}')}\n```")
        return "\n\n".join(blocks)

    def _text(self, given: Given) -> str:
        return self._conversation.read(given.answer_hash)

    def _fall_back(self, kind: str, before: str, after: str, reason: str) -> None:
        fallback = FellBackTo(kind, str(before), str(after), reason)
        self._conversation.record(lambda generation, stamp: generation.fall_back(fallback, stamp))
        self._conversation.note("fell back", before=fallback.before, after=fallback.after, why=reason)


def in_words(idea: Idea) -> str:
    """Give an idea in a few lines."""
    parts = (
        ("", idea.name),
        ("indicators", ", ".join(idea.indicators)),
        ("entry", idea.entry),
        ("exit", idea.exit),
        ("risk", idea.risk),
    )
    lines = [f"{label}: {text}" if label else text for label, text in parts if text]
    if not (idea.entry or idea.exit):
        lines.append(idea.text)
    return "\n".join(lines)
