"""A factory's home with everything that is in it."""

import getpass
import os
import socket
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cfsm.adapters.blobs import BlobFolder
from cfsm.adapters.clock import SystemClock
from cfsm.adapters.home import BLOBS_FOLDER, DATA_FOLDER, PROJECTIONS_FOLDER, run_folder
from cfsm.adapters.units.layout import Layout, Scope
from cfsm.application.errors import Misconfigured
from cfsm.application.tasks import POLICY, TaskKind
from cfsm.bootstrap.views import ViewKind, by_reaction, view_of
from cfsm.domain.evaluation import Conditions, Limits
from cfsm.domain.retention import Summary
from cfsm.domain.selection import ProofRules
from cfsm.domain.walk_forward import DayRange, Division, DivisionRules, divide

if TYPE_CHECKING:  # imported where they are used: a question about the past needs few of them
    from cfsm.adapters.event_store.opening import StoreTerms
    from cfsm.adapters.freqtrade.client import ForgeEngine
    from cfsm.adapters.market_data.store import DatasetStore
    from cfsm.application.factory import Factory
    from cfsm.application.ports import Bell
    from cfsm.domain.optimization import Order
    from cfsm.projections.strategies import StrategiesView
    from cfsm.settings import Settings


def find_home(environ: Mapping[str, str]) -> Path:
    """Give the factory's folder: CFSM_HOME, else cfsm under the XDG state directory.

    Where that is not there, the home of the machine's units, for who may write it: root.
    """
    if environ.get("CFSM_HOME"):
        return Path(environ["CFSM_HOME"]).expanduser()
    state = environ.get("XDG_STATE_HOME") or "~/.local/state"
    own = Path(state).expanduser() / "cfsm"
    installed = None if own.exists() else Layout.of(Scope.SYSTEM, environ).home
    return own if installed is None or not os.access(installed, os.W_OK) else installed


class House:
    """A factory's home with everything that is in it, each made when it is first asked for."""

    def __init__(
        self, path: Path, environ: Mapping[str, str], file: Path | None = None, profile: str | None = None
    ) -> None:
        self.path = path.absolute()
        self.environ = environ
        self.file = file
        self.profile = profile

    @classmethod
    def at(cls, path: Path | None, *, file: Path | None, profile: str | None, environ: Mapping[str, str]) -> "House":
        """Give the house at a path, or at the environment's home. Nothing is made or read yet."""
        return cls(path or find_home(environ), environ, file, profile)

    # What is configured

    @cached_property
    def settings(self) -> "Settings":
        """The settings. Raise ConfigurationError, which names every problem."""
        from cfsm.settings import load

        return load(self.path, file=self.file, profile=self.profile, environ=self.environ)

    @cached_property
    def clock(self) -> SystemClock:
        """The machine's clock."""
        return SystemClock()

    @property
    def run_folder(self) -> Path:
        """Where sockets lie."""
        return run_folder(self.path, self.environ)

    # What is kept

    @cached_property
    def factory(self) -> "Factory":
        """The factory, as the person at the terminal."""
        return self.open_factory(f"{_user()}@{socket.gethostname()}")

    def open_factory(self, actor: str) -> "Factory":
        """Open the factory under an actor's name; only what the settings let happen by itself is planned."""
        from cfsm.adapters.event_store.opening import open_factory

        return open_factory(self.path, self.store_terms, actor=actor, clock=self.clock, policy=self._policy())

    def open_bell(self) -> "Bell":
        """Give a bell that rings when something is recorded."""
        from cfsm.adapters.event_store.opening import open_bell

        return open_bell(self.path, self.store_terms)

    @cached_property
    def store_terms(self) -> "StoreTerms":
        """How the event store is reached."""
        from cfsm.adapters.event_store.opening import StoreTerms

        store = self.settings.store
        password = store.password.get_secret_value() if store.password else None
        file = Path(store.password_file) if store.password_file else self._credential("store_password")
        return StoreTerms(**{**store.model_dump(), "password": password, "password_file": file})

    def _credential(self, name: str) -> Path | None:
        """Give the file in which systemd hands a secret over (LoadCredential=); None for none and for an empty one."""
        folder = self.environ.get("CREDENTIALS_DIRECTORY")
        path = Path(folder, name) if folder else None
        return path if path is not None and path.is_file() and path.read_bytes().strip() else None

    def _policy(self) -> dict[str, TaskKind]:
        off = set()
        if not self.settings.generation.auto_validation:
            off.add(TaskKind.VALIDATE)
        if not self.settings.backtest.auto_backtest:
            off.add(TaskKind.BACKTEST)
        return {topic: kind for topic, kind in POLICY.items() if kind not in off}

    @cached_property
    def blobs(self) -> BlobFolder:
        """The blobs."""
        return BlobFolder(self.path / BLOBS_FOLDER)

    @property
    def data_folder(self) -> Path:
        """Where datasets lie."""
        return self.path / DATA_FOLDER

    @cached_property
    def datasets(self) -> "DatasetStore":
        """The candles."""
        from cfsm.adapters.market_data.store import DatasetStore

        return DatasetStore(self.data_folder)

    # What is shown

    @property
    def projections_folder(self) -> Path:
        """Where projections lie."""
        return self.path / PROJECTIONS_FOLDER

    def view(self, kind: type[ViewKind]) -> ViewKind:
        """Give a view as it is now."""
        return view_of(kind, self.projections_folder, self.factory.store, self.open_bell)

    @property
    def strategies(self) -> "StrategiesView":
        """The strategies as they are now."""
        from cfsm.projections.strategies import StrategiesView

        return self.view(StrategiesView)

    @property
    def proof_rules(self) -> ProofRules:
        """When the leaderboard calls a strategy proven."""
        selection = self.settings.selection
        return ProofRules(
            minimum_trades=selection.minimum_trades,
            deflated_probability=selection.deflated_probability,
            out_of_sample_required=selection.out_of_sample_required,
        )

    # What runs

    @property
    def conditions(self) -> Conditions:
        """Under which conditions strategies are evaluated."""
        backtest = self.settings.backtest
        return Conditions(
            dataset=self.settings.market_data.dataset,
            timerange=backtest.timerange or "",
            pairs=backtest.pairs,
            timeframe=backtest.timeframe,
            timeframe_detail=backtest.timeframe_detail,
            tradable_balance_ratio=backtest.tradable_balance_ratio,
            enable_protections=backtest.enable_protections,
            stake_currency=backtest.stake_currency,
            stake_amount=backtest.stake_amount,
            dry_run_wallet=backtest.dry_run_wallet,
            max_open_trades=backtest.max_open_trades,
            fee=backtest.fee,
        )

    @property
    def division_rules(self) -> DivisionRules:
        """How days are divided."""
        shares = self.settings.walk_forward
        return DivisionRules(
            screening_share=shares.screening_percent / 100,
            proof_share=shares.proof_percent / 100,
            windows=shares.windows,
            minimum_days=shares.minimum_days,
        )

    @property
    def division(self) -> Division:
        """The days of the data set, within the configured timerange, as they are divided now. Raise Misconfigured."""
        conditions = self.conditions
        dataset = self.datasets.open(conditions.dataset)
        if dataset.first is None or dataset.last is None:
            raise Misconfigured(f"dataset {dataset.name} has no candles")
        try:
            span = DayRange.of_candles(dataset.first, dataset.last, conditions.timerange)
        except ValueError as error:
            raise Misconfigured(
                f"backtest.timerange {conditions.timerange} lies outside of dataset {dataset.name}: {error}"
            ) from error
        return divide(span, self.division_rules)

    @property
    def limits(self) -> Limits:
        """How much one evaluation may use."""
        backtest = self.settings.backtest
        return Limits(
            wall_seconds=backtest.timeout_seconds, cpu_seconds=backtest.timeout_seconds, memory_mb=backtest.memory_mb
        )

    @property
    def validation_limits(self) -> Limits:
        """How much one validation may use."""
        return self.limits.within(self.settings.backtest.validation_timeout_seconds)

    @property
    def forge_socket(self) -> Path:
        """Where the forge listens."""
        return self.run_folder / "forge.sock"

    @cached_property
    def engine(self) -> "ForgeEngine":
        """The engine of the factory that runs here."""
        return self.new_engine()

    def new_engine(self) -> "ForgeEngine":
        """Give another engine of the same forge, for a thread of its own."""
        from cfsm.adapters.freqtrade.client import ForgeEngine

        return ForgeEngine(self.forge_socket)

    @property
    def optimization_order(self) -> "Order":
        """What an optimisation seeks where nothing else is said."""
        from cfsm.domain.optimization import Order

        optimization = self.settings.optimization
        return Order(optimization.epochs, optimization.seconds, optimization.spaces, optimization.seed)

    @property
    def parallel_trials(self) -> int:
        """In how many sandboxes at once an optimisation tries its epochs."""
        return self.settings.optimization.parallel_trials or len(os.sched_getaffinity(0))

    def is_forge_ready(self) -> bool:
        """Say whether the forge answers."""
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            peer.connect(str(self.forge_socket))
        except OSError:
            return False
        finally:
            peer.close()
        return True

    def summaries(self) -> Sequence[Summary]:
        """What a cleaning knows of the strategies in service. Raise TryAgain or Misconfigured, as those below."""
        with by_reaction():
            return self.strategies.summaries()

    def name_of_code(self, normalised_hash: str) -> str | None:
        """Give the first strategy that has this code, in service or not."""
        with by_reaction():
            return self.strategies.name_of_code(normalised_hash)

    def name_of_result(self, result_hash: str) -> str | None:
        """Give the first strategy whose last backtest made these trades, in service or not."""
        with by_reaction():
            return self.strategies.name_of_result(result_hash)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid{os.getuid()}"
