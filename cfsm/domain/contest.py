"""Which of several proposals is the best, by what running them gave; models are asked about nothing but ties."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cfsm.domain.conversation import Proposal, Screening, ScreenOutcome

FEWEST_TRADES = 10
"""With fewer trades on the screening range a score is luck: such a proposal ranks behind those with more."""

TIE = 0.1
"""Two scores (yearly Sharpe ratios) that lie closer together are equal."""


@dataclass(frozen=True)
class Candidate:
    """A proposal that runs, with what its screening gave; ``score`` is None where it cannot be told.

    ``place`` is when it came: of equals the earlier one goes first.
    """

    proposal: str
    model: str
    step: str
    round: int
    channel: str
    class_name: str
    code_hash: str
    place: int = 0
    outcome: str = ""
    trades: int = 0
    score: float | None = None
    profit_total: float | None = None
    result_hash: str = ""

    @classmethod
    def of(cls, proposal: Proposal, screening: Screening | None, place: int) -> "Candidate":
        """Give the candidate that a proposal is."""
        figures: Mapping[str, Any] = {} if screening is None else screening.figures
        return cls(
            proposal=proposal.proposal,
            model=proposal.model,
            step=proposal.step,
            round=proposal.round,
            channel=proposal.channel,
            class_name=proposal.class_name,
            code_hash=proposal.code_hash,
            place=place,
            outcome="" if screening is None else screening.outcome,
            trades=int(figures.get("total_trades") or 0),
            score=figures.get("sharpe_daily"),
            profit_total=figures.get("profit_total"),
            result_hash="" if screening is None else screening.result_hash,
        )

    @property
    def rank_key(self) -> tuple[bool, bool, float, int, int]:
        """Order candidates: those that traded, often enough, by score, by how little was mended, by their place."""
        return (
            self.outcome != ScreenOutcome.TRADED,
            self.trades < FEWEST_TRADES,
            -self.score if self.score is not None else float("inf"),
            self.round,
            self.place,
        )

    def as_rank(self) -> dict[str, Any]:
        """Give its place in a ranking as an event keeps it."""
        return {
            "proposal": self.proposal,
            "model": self.model,
            "step": self.step,
            "outcome": self.outcome,
            "score": self.score,
            "trades": self.trades,
            "profit_total": self.profit_total,
        }


def ranked(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Give the candidates, the best first."""
    return sorted(candidates, key=lambda each: each.rank_key)


def tied(first: Candidate, second: Candidate) -> bool:
    """Say whether running them cannot tell two candidates apart."""
    if first.rank_key[:2] != second.rank_key[:2]:
        return False
    if first.score is None or second.score is None:
        return first.score is second.score
    return abs(first.score - second.score) < TIE
