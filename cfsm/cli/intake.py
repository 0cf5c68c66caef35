"""``cfsm intake``: strategy files and raw answers of one's own, found, mended and judged."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import rich_click as click

from cfsm.application.intake import MAX_BYTES, Candidate, Outcome, candidates
from cfsm.application.ports import Engine, Report
from cfsm.application.strategy_files import StrategyFile
from cfsm.bootstrap import House
from cfsm.cli.data import open_dataset
from cfsm.cli.output import EXIT_FAILED, as_json, print_json_line, printable, talk
from cfsm.cli.working_off import Answer, work_off_read
from cfsm.domain.evaluation import Finding, Job, Verdict
from cfsm.domain.intake.code import Wanted

FILES = click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True, path_type=Path)
STDIN = Path("-")
MOST_NAMES = 1_000


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILES)
@click.option("--name", help="What the class is to be called. [default: as it is]")
@click.option("--fix", is_flag=True, help="Write what was accepted beside its file, where it differs. Nothing is lost.")
@click.option("--add", is_flag=True, help="Enter what was accepted into the factory.")
@click.option("--type", "strategy_type", default="added", show_default=True, help="Of which type --add enters it.")
@click.option("--dataset", help="On which candles it is executed. [default: the configured ones]")
@click.option(
    "--timeout",
    "timeout_seconds",
    type=click.FloatRange(min=1, max=86_400),
    default=60,
    show_default=True,
    help="Seconds of a processor that one execution may take; on a busy machine up to four times as many pass.",
)
@as_json
@click.pass_obj
def intake(
    house: House,
    /,
    files: tuple[Path, ...],
    name: str | None,
    dataset: str | None,
    timeout_seconds: float,
    **kept: Any,
) -> int:
    """Take in strategy files and models' raw answers: find the strategy, mend it, execute it in the sandbox, judge it.

    A file is a strategy, an answer as a model gave it (prose, fences, JSON, a blueprint), a model server's reply, or a
    set of answers with one JSON object on each line. `-` reads stdin. Each gets an outcome: accepted (it works as it
    is), repaired (it works once mended), rejected, or unsafe (it was not executed); with the repairs by name, and the
    findings with code and line. With --json one line of JSON is printed for each. The exit code is 0 if all work.

    \b
    Examples:
      cfsm intake answer.txt MyStrategy.py
      cfsm intake --fix user_data/strategies/*.py
      ollama run phi3 "Write a Freqtrade strategy" | cfsm intake --add -
    """
    if name is not None and not (name.isascii() and name.isidentifier()):
        raise click.BadParameter("a class is named with letters from a to z, digits and _", param_hint="--name")
    read = [found for path in files for found in _candidates(path, name)]
    return _Desk(house, read, **kept).judge(dataset, timeout_seconds)


def _candidates(path: Path, name: str | None) -> Sequence[Candidate]:
    from cfsm.adapters.blueprint import render

    if path == STDIN:
        content = sys.stdin.buffer.read(MAX_BYTES + 1)
    else:
        with path.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    return list(candidates(str(path), content, render, Wanted(name or "")))


class _Desk:
    """Where candidates are judged, told, written and entered, one after the other."""

    def __init__(
        self, house: House, read: Sequence[Candidate], *, fix: bool, add: bool, strategy_type: str, as_json: bool
    ) -> None:
        self._house = house
        self._read = {Path(each.label): each for each in read}
        self._fix, self._as_json = fix, as_json
        self._type = strategy_type if add else ""
        self._outcomes = Counter[Outcome]()
        self._code = 0

    def judge(self, dataset: str | None, timeout_seconds: float) -> int:
        """Judge all and give the exit code."""
        house = self._house
        conditions = replace(house.conditions, dataset=dataset or house.conditions.dataset)
        files = [(path, self._file(each)) for path, each in self._read.items()]
        if any(file.finding is None for _, file in files):
            open_dataset(house, conditions.dataset)
        limits = house.limits.within(timeout_seconds)

        def ask(engine: Engine, path: Path, file: StrategyFile, report: Report) -> Answer:
            job = Job(str(path), file.name or "", file.source, conditions, limits=limits)
            outcome = engine.validate(job, report)
            return {
                "file": str(path),
                "verdict": outcome.verdict.value,
                "findings": [asdict(finding) for finding in outcome.findings],
                "seconds": outcome.seconds,
                "timeframe": outcome.timeframe,
                "signals": dict(outcome.signals),
                "engine": outcome.identity.engine,
            }

        code = work_off_read(house, files, ask, self._conclude)
        if len(self._read) > 1 and not self._as_json:
            counts = (f"{self._outcomes[outcome]} {outcome.value}" for outcome in Outcome)
            talk(f"{sum(self._outcomes.values())} answers: {', '.join(counts)}.")
        return max(code, self._code)

    @staticmethod
    def _file(candidate: Candidate) -> StrategyFile:
        taken = candidate.taken
        return StrategyFile(candidate.source, None if taken.findings else taken.class_name, _first(taken.findings))

    def _conclude(self, answer: Answer) -> None:
        candidate = self._read[Path(answer["file"])]
        verdict, findings = Verdict(answer["verdict"]), answer["findings"]
        if candidate.taken.findings:
            verdict, found = _judged_by_text(candidate)
            findings = [asdict(finding) for finding in found]
        outcome = candidate.outcome(verdict)
        self._outcomes[outcome] += 1
        told: Answer = {
            "file": answer["file"],
            "outcome": outcome.value,
            "channel": candidate.channel.value,
            "strategy": candidate.taken.class_name or None,
            "steps": list(candidate.taken.steps),
            "repairs": [asdict(repair) for repair in candidate.taken.repairs],
            "findings": findings,
            "source_hash": candidate.source_hash,
            **{name: answer[name] for name in ("seconds", "timeframe", "signals", "engine") if name in answer},
        }
        if outcome in {Outcome.ACCEPTED, Outcome.REPAIRED}:
            told |= self._kept(candidate)
        if self._as_json:
            print_json_line(told)
        else:
            _show(told)

    def _kept(self, candidate: Candidate) -> Answer:
        """Write and enter what was accepted, as asked; what does not succeed is said, and the rest goes on."""
        kept: Answer = {}
        if self._fix and candidate.differs:
            kept["fixed"] = str(_write_beside(Path(candidate.label), candidate))
        if self._type:
            kept["added"] = self._entered(candidate)
        return kept

    def _entered(self, candidate: Candidate) -> str | None:
        from cfsm.application.adding import NotAStrategy, add_strategy

        blobs = self._house.blobs
        account = candidate.account(blobs.put(candidate.original.encode()))
        try:
            return add_strategy(self._house.factory, blobs, candidate.source, self._type, account).name
        except NotAStrategy as error:
            talk(f"{candidate.label}: not added: {error}")
            self._code = EXIT_FAILED
            return None


def _first(findings: Sequence[Finding]) -> Finding | None:
    return findings[0] if findings else None


def _judged_by_text(candidate: Candidate) -> tuple[Verdict, Sequence[Finding]]:
    """Give the verdict on what is not executed: unsafe where its text already says so."""
    from cfsm.adapters.freqtrade.findings import verdict_of
    from cfsm.adapters.freqtrade.static_policy import judge

    findings = candidate.taken.findings
    if not candidate.taken.source or any(finding.code == "OTHER_LIBRARY" for finding in findings):
        return Verdict.REJECTED, findings
    known = judge(candidate.source)
    if verdict_of(known) is not Verdict.UNSAFE:
        return Verdict.REJECTED, findings
    return Verdict.UNSAFE, (*(found for found in known if verdict_of([found]) is Verdict.UNSAFE), *findings)


def _write_beside(path: Path, candidate: Candidate) -> Path:
    """Write the source beside its file under a name that is free; the same source is not written twice."""
    where, _, line = path.name.rpartition(":")
    stem = f"{Path(where).stem}_{line}" if where else path.stem
    folder, stem = (Path(), candidate.taken.class_name) if path == STDIN else (path.parent, f"{stem}_fixed")
    for number in range(1, MOST_NAMES):
        target = folder / f"{stem}{'' if number == 1 else f'_{number}'}.py"
        try:
            with target.open("xb") as opened:
                opened.write(candidate.source)
        except FileExistsError:
            if target.is_file() and target.read_bytes() == candidate.source:
                return target
        else:
            return target
    raise click.ClickException(f"{folder} holds {MOST_NAMES - 1} files called {stem}_N.py already: move some away")


def _show(told: Answer) -> None:
    signals = ", ".join(f"{count} {name}" for name, count in told.get("signals", {}).items() if count)
    seconds = f"{told['seconds']:.2f} s" if told.get("seconds") else ""
    words = (told["outcome"].ljust(8), printable(told["file"]), told["strategy"] or "", seconds, signals)
    click.echo("  ".join(word for word in words if word))
    for repair in told["repairs"]:
        advice = " (advice)" if repair["is_advice"] else ""
        click.echo(f"          mended line {repair['line']}, {repair['name']}{advice}: {printable(repair['detail'])}")
    for each in told["findings"]:
        line = f" line {each['line']}" if each["line"] else ""
        click.echo(f"          {each['code']}{line}: {printable(each['message'])} {each['what_to_do']}".rstrip())
    if "fixed" in told:
        click.echo(f"          written to {printable(told['fixed'])}")
    if told.get("added"):
        click.echo(f"          added as {told['added']}")
