"""What works: how often proposals of a channel, a model and a prompt came to something."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from cfsm.domain.proportion import Proportion


class By(StrEnum):
    """By what proposals are told apart."""

    CHANNEL = "channel"
    MODEL = "model"
    PROMPT = "prompt"
    MODE = "mode"
    TYPE = "type"


class Tried(Protocol):
    """A proposal, as far as success goes."""

    channel: str
    model: str
    prompt: str
    version: str
    mode: str
    strategy_type: str
    answers: int
    repairs_asked: int
    is_valid_at_once: int
    is_valid: int
    traded: int
    tokens: int
    seconds: float
    strategy_id: str


@dataclass(frozen=True)
class Success:
    """How a group of proposals fared.

    ``asked`` proposals were asked for. Of these, ``answered`` gave a whole answer; ``valid_at_once`` and ``valid`` were
    executed and accepted, without and with repairs by a model; ``traded`` made trades. Of those that won and entered
    the factory, ``proven`` are what luck does not explain. ``repairs``, ``tokens`` and ``seconds`` are means for one.
    """

    group: Mapping[str, str]
    asked: int
    answered: Proportion
    valid_at_once: Proportion
    valid: Proportion
    traded: Proportion
    proven: Proportion
    repairs: float
    tokens: float
    seconds: float

    def as_mapping(self) -> dict[str, Any]:
        """Give it as plain data."""
        shares = ("answered", "valid_at_once", "valid", "traded", "proven")
        return {
            **self.group,
            "asked": self.asked,
            **{name: getattr(self, name).as_mapping() for name in shares},
            "repairs": self.repairs,
            "tokens": self.tokens,
            "seconds": self.seconds,
        }


_KEYS: Mapping[By, Callable[[Tried], str]] = {
    By.CHANNEL: lambda each: each.channel,
    By.MODEL: lambda each: each.model,
    By.PROMPT: lambda each: f"{each.prompt} {each.version}",
    By.MODE: lambda each: each.mode,
    By.TYPE: lambda each: each.strategy_type,
}


def success(proposals: Iterable[Tried], by: Sequence[By], proven: Container[str]) -> list[Success]:
    """Give how each group fared, the one that trades most often for certain first.

    ``proven`` holds the ids of the strategies that are proven.
    """
    groups: dict[tuple[str, ...], list[Tried]] = {}
    for each in proposals:
        groups.setdefault(tuple(_KEYS[key](each) for key in by), []).append(each)
    told = [_told(dict(zip(map(str, by), values, strict=True)), members, proven) for values, members in groups.items()]
    return sorted(told, key=lambda each: (-(each.traded.low or 0.0), -each.asked, *each.group.values()))


def _told(group: Mapping[str, str], members: Sequence[Tried], proven: Container[str]) -> Success:
    count = len(members)

    def share(holds: Callable[[Tried], object]) -> Proportion:
        return Proportion(sum(1 for each in members if holds(each)), count)

    strategies = [each.strategy_id for each in members if each.strategy_id]
    return Success(
        group=group,
        asked=count,
        answered=share(lambda each: each.answers),
        valid_at_once=share(lambda each: each.is_valid_at_once),
        valid=share(lambda each: each.is_valid),
        traded=share(lambda each: each.traded),
        proven=Proportion(sum(1 for each in strategies if each in proven), len(strategies)),
        repairs=sum(each.repairs_asked for each in members) / count,
        tokens=sum(each.tokens for each in members) / count,
        seconds=sum(each.seconds for each in members) / count,
    )
