"""Any file, or any answer that somebody kept, as source that is worth running, or findings that say why not.

Nothing of it is executed here: what is found worth running goes to an engine.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from hashlib import sha256
from pathlib import PurePath

from cfsm.application.strategy_files import MAX_FILE_BYTES
from cfsm.domain.blueprint import Blueprint
from cfsm.domain.conversation import Channel
from cfsm.domain.evaluation import Finding, Verdict
from cfsm.domain.intake.blueprints import take_in_blueprint
from cfsm.domain.intake.code import Wanted
from cfsm.domain.intake.envelopes import Kept, kept_answers
from cfsm.domain.intake.json_text import find_json
from cfsm.domain.intake.taking_in import TakenIn, take_in, take_in_file
from cfsm.domain.strategy import IntakeAccount

MAX_BYTES = 16_000_000
"""The most that is read of a file: a set of answers is larger than a strategy."""

_BLUEPRINT_FIELDS = frozenset({"enter_long", "enter_short"})
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))

Render = Callable[[Blueprint, str], str]
"""Gives the source of a blueprint's class of this name."""


class Outcome(StrEnum):
    """What became of a file: it works as it is, or once mended; or it does not, or must not be run."""

    ACCEPTED = "accepted"
    REPAIRED = "repaired"
    REJECTED = "rejected"
    UNSAFE = "unsafe"


@dataclass(frozen=True)
class Candidate:
    """What the text of one answer gave.

    ``label`` names the file, and the line in a set of answers; ``original`` is the text that was read.
    """

    label: str
    channel: Channel
    taken: TakenIn
    original: str

    @property
    def source(self) -> bytes:
        """Give the final source."""
        return self.taken.source.encode()

    @property
    def source_hash(self) -> str:
        """Give the sha256 of the final source, empty where there is none."""
        return sha256(self.source).hexdigest() if self.taken.source else ""

    def account(self, original_hash: str) -> IntakeAccount:
        """Give what was done to the file, for the strategy's events; the file itself is kept under this hash."""
        return IntakeAccount(
            file=self.label,
            channel=self.channel.value,
            extraction=list(self.taken.steps),
            repairs=[asdict(repair) for repair in self.taken.repairs],
            blobs={"original": original_hash},
        )

    @property
    def differs(self) -> bool:
        """Say whether the final source is another text than the file's."""
        return self.taken.source != self.original

    def outcome(self, verdict: Verdict) -> Outcome:
        """Give the outcome once the final source was judged."""
        if verdict is Verdict.UNSAFE:
            return Outcome.UNSAFE
        if verdict is Verdict.REJECTED or self.taken.findings:
            return Outcome.REJECTED
        return Outcome.REPAIRED if self.taken.is_repaired else Outcome.ACCEPTED


def candidates(label: str, content: bytes, render: Render, wanted: Wanted | None = None) -> Iterator[Candidate]:
    """Give what the text part makes of a file: one candidate, or one for each answer of a set."""
    goal = wanted or Wanted()
    if len(content) > MAX_BYTES:
        yield _refused(label, Finding("SOURCE_SIZE", f"The file has more than {MAX_BYTES} bytes", 1, "Split it."))
        return
    text, how = _decoded(content)
    if "\0" in text:
        finding = Finding("SOURCE_SYNTAX", "The file holds zero bytes: it is no text", 1, "Save it as text.")
        yield _refused(label, finding)
        return
    for kept in kept_answers(text):
        named = replace(goal, class_name=goal.class_name or _ascii_name(kept.class_name))
        candidate = _candidate(f"{label}:{kept.line}" if kept.line else label, kept, text, render, named)
        steps = tuple(step for step in (how, kept.how) if step)
        yield replace(candidate, taken=replace(candidate.taken, steps=(*steps, *candidate.taken.steps)))


def _candidate(label: str, kept: Kept, text: str, render: Render, wanted: Wanted) -> Candidate:
    is_plain = kept.answer == text
    taken = take_in_file(text, wanted) if is_plain else take_in(kept.answer, wanted, is_cut=kept.is_cut)
    if any(finding.code == "JSON_NOT_CODE" for finding in taken.findings) and _is_blueprint(kept.answer):
        return Candidate(label, Channel.BLUEPRINT, _rendered(label, kept.answer, render, wanted), kept.answer)
    if len(taken.source.encode()) > MAX_FILE_BYTES:
        message = f"The source has more than {MAX_FILE_BYTES} bytes"
        return _refused(label, Finding("SOURCE_SIZE", message, 1, "Move tables out of it."))
    return Candidate(label, Channel.SOURCE, taken, kept.answer)


def _is_blueprint(answer: str) -> bool:
    """Say whether an answer's JSON fills the blueprint's form; any other description of a strategy does not."""
    found = find_json(answer)
    value = found[0] if found else None
    inner = next(iter(value.values()), None) if isinstance(value, dict) and len(value) == 1 else None
    filled = inner if isinstance(inner, dict) else value
    return isinstance(filled, dict) and bool(_BLUEPRINT_FIELDS & filled.keys())


def _rendered(label: str, answer: str, render: Render, wanted: Wanted) -> TakenIn:
    taken = take_in_blueprint(answer)
    if taken.blueprint is None:
        return TakenIn("", "", (Channel.BLUEPRINT.value,), (), taken.findings)
    name = wanted.class_name or _class_name_of(label)
    return TakenIn(render(taken.blueprint, name), name, (Channel.BLUEPRINT.value,), (), ())


def _class_name_of(label: str) -> str:
    """Give a class a name after its file."""
    words = re.findall(r"[A-Za-z0-9]+", PurePath(label).stem)
    return "Blueprint" + "".join(word[:1].upper() + word[1:] for word in words)[:60]


def _refused(label: str, finding: Finding) -> Candidate:
    return Candidate(label, Channel.SOURCE, TakenIn("", "", (), (), (finding,)), "")


def _decoded(content: bytes) -> tuple[str, str]:
    """Give the text, and the encoding where it is none of today's (as Windows' shells and editors write)."""
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace"), "" if encoding == "utf-8" else encoding
    try:
        return content.decode(), ""
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace"), "cp1252"


def _ascii_name(name: str) -> str:
    return name if name.isascii() and name.isidentifier() else ""
