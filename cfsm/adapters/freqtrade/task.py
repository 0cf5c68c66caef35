"""One request on its way through the forge: prepared, run in a cage, concluded, answered."""

import hashlib
import itertools
import logging
from collections.abc import Callable, Generator
from enum import Enum
from pathlib import Path

import structlog
from pydantic import ValidationError

from cfsm.adapters.freqtrade import caged_run, conclusion
from cfsm.adapters.freqtrade.children import Child, Ended
from cfsm.adapters.freqtrade.concluding import Concluders
from cfsm.adapters.freqtrade.protocol import Ask, Failure, Kind, Progress, Reaction, Request, Said, adapter
from cfsm.adapters.freqtrade.strategy_folder import BadName, remove_folder, write_strategy
from cfsm.adapters.freqtrade.workshop import Prepared, Workshop
from cfsm.adapters.systemd import one_line
from cfsm.application.ports import Misconfigured
from cfsm.domain.evaluation import Evaluation, Job, Stage
from cfsm.domain.naming import strategy_id

_MOST_WORDS = 200
_MOST_LINES = 200
"""Of Freqtrade's log, for one run."""

_DOING = {
    Ask.VALIDATE: "validating",
    Ask.SECOND_OPINION: "looking closely at",
    Ask.BACKTEST: "backtesting",
    Ask.SPACES: "reading the spaces of",
    Ask.EPOCHS: "trying epochs of",
}

_numbers = itertools.count()
log = structlog.get_logger("freqtrade")


class Phase(Enum):
    """How far a task has come."""

    PREPARING = "preparing"
    RUNNING = "running"
    CONCLUDING = "concluding"
    DONE = "done"


Answer = Callable[[Kind, bytes], None]


class Task:
    """A request at work. ``answer`` takes its frames; after a result or an error the task is done."""

    def __init__(
        self,
        request: Request,
        job: Job,
        workshop: Workshop,
        concluders: Concluders,
        scratch: Path,
        answer: Answer,
    ) -> None:
        self.request = request
        self.job = job
        self.phase = Phase.PREPARING
        self.progress = Progress(Stage.LOADING_DATA, 0.0)
        self.child: Child | None = None
        self._workshop = workshop
        self._concluders = concluders
        self._answer = answer
        digest = hashlib.sha256(job.source).hexdigest()[:16]
        self._folder = scratch / f"strategy-{digest}-{next(_numbers)}"
        self._preparation: Generator[str, None, Prepared] | None = None
        self._prepared: Prepared | None = None
        self._seconds = 0.0
        self._logged = 0

    def in_words(self) -> str:
        """Say what is done with which strategy, and how far it is."""
        return f"{_DOING[self.request.ask]} {self.job.strategy_name} {self.progress.percent:.0f} %"

    def prepare(self, tick: Callable[[], None]) -> None:
        """Do one step of the preparation; after the last one the strategy runs."""
        try:
            if self._preparation is None:
                self._preparation = self._workshop.prepare(self.job, lambda *_: tick())
            self._tell(Progress(Stage.LOADING_DATA, 0.0, next(self._preparation)))
        except StopIteration as ready:
            self._begin(ready.value)
        except Misconfigured as error:
            self._fail(Reaction.MISCONFIGURED, str(error))
        except OSError as error:
            self._fail(Reaction.TRY_AGAIN, f"The forge cannot prepare the run: {error}")

    def _begin(self, prepared: Prepared) -> None:
        try:
            self._run(prepared)
        except BadName as error:
            self._fail(Reaction.MISCONFIGURED, str(error))
        except OSError as error:
            self._fail(Reaction.TRY_AGAIN, f"The forge cannot begin the run: {error}")

    def read(self) -> None:
        """Take what the child has sent."""
        assert self.child is not None
        try:
            for kind, content in self.child.read():
                if kind is Kind.PROGRESS:
                    self._pass_on(content)
                elif kind is Kind.LOG:
                    self._log(content)
                elif self.phase is Phase.CONCLUDING:
                    self._finish(kind, content)
                    return
                elif kind is Kind.RESULT:
                    self._conclude(content)
                    return
                else:
                    self._fail(Reaction.TRY_AGAIN, _message_of(content))
                    return
        except Ended as ended:
            self._ended(ended)

    def look(self) -> None:
        """End the child where it has had its time."""
        if self.child is not None:
            try:
                self.child.look()
            except Ended as ended:
                self._ended(ended)

    def call_off(self) -> None:
        """End everything; nobody waits for the answer any more."""
        self._clear()
        self.phase = Phase.DONE

    def fail(self, message: str) -> None:
        """End everything and say that trying again may help."""
        self._fail(Reaction.TRY_AGAIN, message)

    def _run(self, prepared: Prepared) -> None:
        self._prepared = prepared
        folder = write_strategy(self._folder, self.job.strategy_name, self.job.source, self.job.parameters)
        request = self.request
        self.child = Child(
            lambda send: caged_run.run(request, prepared, folder, send),
            (folder, prepared.datadir / "futures", self._workshop.user_data),
            self.job.limits,
        )
        self.phase = Phase.RUNNING

    def _conclude(self, raw: bytes) -> None:
        assert self.child is not None
        self._seconds = self.child.seconds
        self._clear()
        prepared = self._prepared
        assert prepared is not None
        if not self._workshop.is_current(prepared):
            self._fail(Reaction.TRY_AGAIN, f"Dataset {self.job.conditions.dataset} changed under the run")
            return
        try:
            self.child = self._concluders.begin(self.request, prepared, raw, conclusion.Measured(self._seconds))
        except OSError as error:
            self._fail(Reaction.TRY_AGAIN, f"The forge cannot conclude the run: {error}")
            return
        self.phase = Phase.CONCLUDING

    def _ended(self, ended: Ended) -> None:
        if self.phase is Phase.CONCLUDING:
            self._fail(Reaction.TRY_AGAIN, f"The forge could not conclude the run: {ended}")
            return
        assert self.child is not None
        seconds = self.child.seconds
        assert self._prepared is not None
        self._finish(*conclusion.broken(ended.found, self.request, self._prepared, seconds))

    def _pass_on(self, content: bytes) -> None:
        try:
            progress: Progress = adapter(Progress).validate_json(content)
        except ValidationError:
            return  # words of a process that is not trusted
        percent = min(100.0, max(0.0, progress.percent))
        self._tell(Progress(progress.stage, percent, progress.words[:_MOST_WORDS]))

    def _log(self, content: bytes) -> None:
        """Log a line of Freqtrade's, or give it to who asks for it; it is a run's word: so many at most, tamed."""
        if self._logged >= _MOST_LINES:
            return
        self._logged += 1
        try:
            said: Said = adapter(Said).validate_json(content)
        except ValidationError:
            return
        level, text, logger = (
            min(max(said.level, logging.WARNING), logging.ERROR),
            *map(one_line, (said.text, said.logger)),
        )
        if self.request.wants_log:
            self._answer(Kind.LOG, adapter(Said).dump_json(Said(level, logger, text)))
            return
        strategy = strategy_id(self.job.strategy_name)
        log.log(
            level,
            text,
            STRATEGY_ID=strategy.hex,
            RUN_ID=self.job.run_id,
            CORRELATION_ID=str(strategy),
            EVENT=Evaluation.Started.TOPIC,
            said_by=logger,
        )

    def _tell(self, progress: Progress) -> None:
        self.progress = progress
        self._answer(Kind.PROGRESS, adapter(Progress).dump_json(progress))

    def _fail(self, reaction: Reaction, message: str) -> None:
        self._finish(Kind.ERROR, adapter(Failure).dump_json(Failure(reaction, message)))

    def _finish(self, kind: Kind, content: bytes) -> None:
        self._clear()
        self.phase = Phase.DONE
        self._answer(kind, content)

    def _clear(self) -> None:
        if self.child is not None:
            self.child.end()
            self.child = None
        remove_folder(self._folder)


def _message_of(content: bytes) -> str:
    """Give what a failed run says of itself; it is not trusted with more than words."""
    try:
        failure: Failure = adapter(Failure).validate_json(content)
    except ValidationError:
        return "The run failed and did not say why"
    return failure.message[: 5 * _MOST_WORDS]
