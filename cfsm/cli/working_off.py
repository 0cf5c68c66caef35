"""Asks the forge about many files at once and gives the answers in the files' order."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from logging import getLevelName
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from typing import TYPE_CHECKING, Any

from cfsm.application.ports import BrokenStrategy, Cancelled, Engine, Misconfigured, Report, TryAgain
from cfsm.application.strategy_files import MAX_FILE_BYTES, StrategyFile, read_text
from cfsm.bootstrap import House
from cfsm.cli.engines import ProgressLine, engines
from cfsm.cli.output import EXIT_CONFIGURATION, EXIT_FAILED, EXIT_TRY_AGAIN, talk
from cfsm.domain.evaluation import Finding, Stage, Verdict

if TYPE_CHECKING:
    from cfsm.adapters.freqtrade.client import ForgeEngine
    from cfsm.adapters.freqtrade.protocol import Said

Answer = dict[str, Any]
"""What is printed about one file."""

Ask = Callable[[Engine, Path, StrategyFile, Report], Answer]
"""Asks an engine about one file. Raise BrokenStrategy, Misconfigured or TryAgain."""


def work_off(
    house: House, paths: Sequence[Path], ask: Ask, show: Callable[[Answer], None], *, stock: bool = False
) -> int:
    """Ask about every file, several at a time, show the answers in the files' order, and give the exit code."""
    return work_off_read(house, [(path, read_text(_read(path))) for path in paths], ask, show, stock=stock)


def work_off_read(
    house: House,
    files: Sequence[tuple[Path, StrategyFile]],
    ask: Ask,
    show: Callable[[Answer], None],
    *,
    stock: bool = False,
) -> int:
    """Ask about files that were read already, as ``work_off`` does."""
    codes = {0}
    progress = ProgressLine(len(files))
    for path, answer in _answers(house, files, ask, progress, stock=stock):
        progress.clear()
        if isinstance(answer, Exception):
            talk(f"{path}: {answer}")
            codes.add(EXIT_CONFIGURATION if isinstance(answer, Misconfigured) else EXIT_TRY_AGAIN)
            continue
        show(answer)
        codes.add(0 if answer.get("verdict", Verdict.ACCEPTED) == Verdict.ACCEPTED else EXIT_FAILED)
    return max(codes)


def _read(path: Path) -> bytes:
    with path.open("rb") as opened:
        return opened.read(MAX_FILE_BYTES + 1)


def _answers(
    house: House, files: Sequence[tuple[Path, StrategyFile]], ask: Ask, progress: ProgressLine, *, stock: bool
) -> Iterator[tuple[Path, Answer | Exception]]:
    named = sum(file.name is not None for _, file in files)
    if not named:
        yield from ((path, refused(path, (file.finding,))) for path, file in files if file.finding)
        return
    stopping = Event()
    with engines(house, min(named, len(os.sched_getaffinity(0))), stock=stock) as opened:
        free: SimpleQueue[ForgeEngine] = SimpleQueue()
        for engine in opened:
            free.put(engine)

        def work(path: Path, file: StrategyFile) -> Answer | Exception:
            engine = free.get()
            try:
                return _ask_one(ask, engine, path, file, _listener(path, progress, stopping))
            finally:
                free.put(engine)
                progress.done += 1

        with ThreadPoolExecutor(len(opened)) as pool:
            waiting = [(path, pool.submit(work, path, file)) for path, file in files]
            try:
                yield from ((path, future.result()) for path, future in waiting)
            finally:
                stopping.set()
                pool.shutdown(cancel_futures=True)


def _ask_one(ask: Ask, engine: "ForgeEngine", path: Path, file: StrategyFile, report: Report) -> Answer | Exception:
    if file.name is None and file.finding is not None:
        return refused(path, (file.finding,))
    try:
        return {**ask(engine, path, file, report), "log": lines_of(engine.log)}
    except BrokenStrategy as error:
        return {**refused(path, error.findings, file.name), "log": lines_of(engine.log)}
    except (Misconfigured, TryAgain) as error:
        return error


def lines_of(log: Iterable["Said"]) -> list[dict[str, Any]]:
    """Give what Freqtrade and the strategy logged in a run, each line once, with how often it came."""
    times = Counter((getLevelName(said.level).lower(), said.logger, said.text) for said in log)
    return [
        {"level": level, "logger": logger, "text": text, "times": count}
        for (level, logger, text), count in times.items()
    ]


def _listener(path: Path, progress: ProgressLine, stopping: Event) -> Report:
    def hear(stage: Stage, percent: float, words: str) -> None:
        if stopping.is_set():
            raise Cancelled("interrupted")
        progress.report(path.name, stage, percent, words)

    return hear


def refused(path: Path, findings: Sequence[Finding], strategy: str | None = None) -> Answer:
    """Give the answer about a file that no engine has to look at, or that it could not run."""
    from cfsm.adapters.freqtrade.findings import MEANINGS, verdict_of

    engines_own = [found for found in findings if found.code in MEANINGS]  # the intake has codes of its own
    unsafe = verdict_of(engines_own) is Verdict.UNSAFE
    return {
        "file": str(path),
        "verdict": (Verdict.UNSAFE if unsafe else Verdict.REJECTED).value,
        "findings": [asdict(finding) for finding in findings],
        "seconds": 0.0,
        "strategy": strategy,
        "log": [],
    }
