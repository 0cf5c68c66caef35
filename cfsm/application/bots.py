"""The port to bots: processes of Freqtrade that trade on paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cfsm.domain.evaluation import Conditions
from cfsm.domain.forward_account import Account
from cfsm.domain.forward_test import Source, Span
from cfsm.domain.trading_mode import Mode


@dataclass(frozen=True)
class BotWanted:
    """Which bot is wanted: of this code, with these parameters, on these candles. ``key`` names its folder."""

    key: str
    strategy_name: str
    source: bytes
    parameters: str | None
    conditions: Conditions
    candles: Source
    span: Span
    mode: Mode


@dataclass(frozen=True)
class BotState:
    """How a bot's process fares. ``exit_words`` is empty while it lives; ``progress`` is of its clock, 0 to 1."""

    exit_words: str
    progress: float
    memory_mb: float | None
    is_over_quota: bool = False


class BotsTellNonsense(Exception):
    """What a bot says of its trades cannot be: its strategy has meddled with it. The message says what."""


class Bot(Protocol):
    """One bot's process."""

    def state(self) -> BotState:
        """Tell how the process fares; cheap."""

    def account(self) -> Account:
        """Ask the bot for its trades. Raise TryAgain while it does not answer, BotsTellNonsense for what cannot be."""

    def faults(self, account: Account) -> Sequence[str]:
        """Give what is impossible about its trades, in words; nothing where they cannot be checked. Raise TryAgain."""

    def restart(self) -> None:
        """Start a process that ended again, where its trades and its clock stood. Raise TryAgain or Misconfigured."""

    def stop(self) -> None:
        """End the process in order; what it has kept stays."""


class Bots(Protocol):
    """The bots of this machine."""

    @property
    def engine(self) -> str:
        """Name the version of Freqtrade that they are."""

    def start(self, wanted: BotWanted) -> Bot:
        """Start a bot, or take up the one whose folder is there. Raise TryAgain or Misconfigured."""

    def forget(self, key: str) -> None:
        """Remove what a bot that is over has left on the disk, but for its log."""
