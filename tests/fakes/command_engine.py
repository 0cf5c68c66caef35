"""The scripted engine as commands open it, on the candles of a real dataset."""

from dataclasses import replace

from tests.fakes.engine import FakeEngine


class CommandEngine(FakeEngine):
    """A scripted engine that can be closed; ``data_hash`` is what it says of every dataset.

    ``opened`` and ``closed`` count, ``stock`` is how it was asked for last, ``log`` is what Freqtrade logs in every run.
    """

    def __init__(self, data_hash="data"):
        super().__init__(datasets=("synthetic", "other"))
        self.data_hash = data_hash
        self.opened = self.closed = 0
        self.stock = None
        self.log = []

    def open(self, house, *, stock=False):
        """Stand in for ``cfsm.cli.engines.open_engine``."""
        self.stock = stock
        return self

    def status(self):
        return {"working": []}

    def __enter__(self):
        self.opened += 1
        return self

    def __exit__(self, *_):
        self.closed += 1

    def _identity(self, job):
        return replace(super()._identity(job), data_hash=self.data_hash)
