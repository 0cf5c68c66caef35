"""A workplace for workers under test: a real factory in a folder, and around it a world that the test sets."""

from cfsm.adapters.blobs import BlobFolder
from cfsm.adapters.event_store.opening import StoreTerms, open_factory
from cfsm.application.history import History
from cfsm.application.tasks import Claim
from cfsm.domain.aggregate import Recorded
from cfsm.domain.code_identity import normalised_hash
from cfsm.domain.generation import Generation
from cfsm.domain.strategy import Origin, Strategy
from cfsm.projections.reading import fold
from cfsm.projections.strategies import StrategiesView
from cfsm.workers.base import Equipment, Terms
from tests.fakes.stores import SetClock

NAME = "TrendStrategy_predefined_20261121_120000"


class FakeNotifier:
    """Keeps what was said to the supervisor, in order."""

    def __init__(self, watchdog_interval_seconds=None):
        self.watchdog_interval_seconds = watchdog_interval_seconds
        self.said = []
        self.extended = None

    def ready(self):
        self.said.append("READY")

    def status(self, text):
        self.said.append(text)

    def watchdog(self):
        self.said.append("WATCHDOG")

    def stopping(self):
        self.said.append("STOPPING")

    def notify(self, state):
        self.said.append(state)

    def extend_timeout(self, seconds):
        self.extended = seconds

    @property
    def statuses(self):
        return [said for said in self.said if said not in {"READY", "WATCHDOG", "STOPPING"}]


class FakeBell:
    """Never sleeps; ``then`` is done while it is waited for."""

    def __init__(self, then=lambda: None):
        self.then = then
        self.waits = []
        self.is_closed = False

    def wait(self, seconds):
        self.waits.append(seconds)
        self.then()
        return False

    def close(self):
        self.is_closed = True


class Workplace:
    """A factory in a folder with what a worker needs of it.

    ``clock`` is the wall clock and ``leases`` that of the leases: seconds, moved by the test alone.
    """

    def __init__(self, home):
        self.home = home
        self.clock = SetClock()
        self.leases = 1000.0
        self.terms = Terms(lease_seconds=90, max_attempts=3, retry_seconds=10)
        self.bell = FakeBell()
        self.notifier = FakeNotifier()
        self.blobs = BlobFolder(home / "blobs")
        self.is_stopping = False
        self.refusal = ""
        self._open = []
        self.factory = self.open_factory("tester@here")

    def open_factory(self, actor):
        self._open.append(open_factory(self.home, StoreTerms(), actor=actor, clock=self.clock))
        return self._open[-1]

    def close(self):
        for factory in self._open:
            factory.close()

    def lease_clock(self):
        """Tell the time of the leases; two looks are never at the same moment."""
        self.leases += 1e-6
        return self.leases

    def equipment(self, actor="worker@here"):
        """Give what a worker needs, with a connection of its own."""
        return Equipment(
            factory=self.open_factory(actor),
            bell=self.bell,
            notifier=self.notifier,
            terms=self.terms,
            is_stopping=lambda: self.is_stopping,
            refusal=lambda: self.refusal,
        )

    # What there is

    def happened(self, *topics):
        """Give the events, or those of these topics, in order."""
        return [each for each in History(self.factory.store).between(0) if not topics or each.topic in topics]

    def topics(self):
        return [each.topic for each in self.happened()]

    def tasks(self):
        """Give what is not done, by key."""
        self.factory.plan()
        return {task["key"]: task for task in self.factory.store.overview()}

    def due(self, kind):
        return [task for task in self.tasks().values() if task["kind"] == kind]

    @property
    def strategies(self):
        return fold(StrategiesView, self.factory.store)

    def summaries(self):
        return self.strategies.summaries()

    def name_of_code(self, normalised_hash):
        return self.strategies.name_of_code(normalised_hash)

    def name_of_result(self, result_hash):
        return self.strategies.name_of_result(result_hash)

    def strategy(self, name=NAME):
        return self.factory.get(Strategy, Strategy.id_of(name))

    # What is done to it

    def record(self, *aggregates: Recorded):
        self.factory.transact(lambda: aggregates)

    def add(self, text="", name=NAME, **facts):
        """Record a strategy; what the engine is to do with it stands in its text."""
        source = f"class {name}:\n    pass\n{text}\n".encode()
        given = {
            "strategy_type": "trend",
            "model_used": "predefined",
            "origin": Origin.PREDEFINED,
            "code_hash": self.blobs.put(source),
            "normalised_hash": normalised_hash(source) if b"raise" not in source else "form",
        }
        strategy = Strategy.generate(name=name, **given | facts, stamp=self.factory.stamp())
        self.record(strategy)
        return strategy

    def change(self, command, name=NAME):
        """Let a strategy do a command that takes the strategy and a stamp."""

        def decide():
            strategy = self.strategy(name)
            command(strategy, self.factory.stamp())
            return [strategy]

        self.factory.transact(decide)

    def request(self, key="slot", strategy_type="trend", seed=7):
        generation = Generation.request(
            key,
            strategy_type=strategy_type,
            mode="single",
            model="",
            seed=seed,
            why="a test",
            stamp=self.factory.stamp(),
        )
        self.record(generation)
        return generation

    def claim(self, *kinds, lease_seconds=90.0) -> Claim:
        """Claim a task as a worker that then dies."""
        self.factory.plan()
        claim = self.factory.claim(kinds, lease_seconds)
        assert claim is not None
        return claim

    def pass_leases(self, seconds=1_000_000.0):
        """Let so much time pass that every lease and every pause is over."""
        self.leases += seconds


def work(worker):
    """Let a worker do all that is due; give how much that was."""
    done = 0
    while worker.step():
        done += 1
    return done
