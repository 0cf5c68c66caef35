"""Reads the prompts' files and fills them in.

``texts/NAME/VERSION.md`` holds one version: a section for each message, begun by ``=== system`` or ``=== user``, with
``$names`` for what is filled in. The highest version is used. ``$family`` and ``$language`` are prompts themselves, and
count as parts of the one that they are filled into: its version is then ``1.2`` where the part's is 2.
"""

import re
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from string import Template

from cfsm.application.errors import Misconfigured
from cfsm.application.ports import Prompt
from cfsm.domain.answer import Message

TEXTS = Path(__file__).parent / "texts"
FAMILY = "family"
LANGUAGE = "language"

_SECTION = re.compile(r"^=== (system|user)\n", re.MULTILINE)
_BLANKS = re.compile(r"\n{3,}")


class NoSuchPrompt(Misconfigured):
    """There is no prompt of that name or version."""


class PromptFolder:
    """The prompts of one folder."""

    def __init__(self, folder: Path = TEXTS) -> None:
        self._folder = folder

    def names(self) -> tuple[str, ...]:
        """Give the names of all prompts."""
        return tuple(sorted(each.name for each in self._folder.iterdir() if each.is_dir()))

    def versions(self, name: str) -> tuple[int, ...]:
        """Give the versions of a prompt, the oldest first. Raise NoSuchPrompt."""
        found = sorted(int(each.stem) for each in (self._folder / name).glob("*.md"))
        if not found:
            raise NoSuchPrompt(f"there is no prompt called {name}; there are {', '.join(self.names())}")
        return tuple(found)

    def text(self, name: str, version: int | None = None) -> str:
        """Give the text of a version of a prompt as it lies in its file, by default of the last. Raise NoSuchPrompt."""
        versions = self.versions(name)
        wanted = versions[-1] if version is None else version
        if wanted not in versions:
            raise NoSuchPrompt(f"{name} has no version {wanted}; it has {', '.join(map(str, versions))}")
        return _read(self._folder / name / f"{wanted}.md")

    def compose(self, name: str, facts: Mapping[str, str]) -> Prompt:
        """Fill in the last version of a prompt. What is filled in may hold ``$`` as it likes. Raise NoSuchPrompt.

        ``facts`` must have all that the text names; ``family`` is the name of a family of strategies, ``language``
        needs none. An empty fact leaves no gap.
        """
        text = self.text(name)
        names = set(Template(text).get_identifiers())
        parts = {}
        if FAMILY in names:
            parts[FAMILY] = f"{FAMILY}-{facts[FAMILY]}"
        if LANGUAGE in names:
            parts[LANGUAGE] = LANGUAGE
        filled = dict(facts) | {place: self._part(part) for place, part in parts.items()}
        whole = sha256("\0".join([text, *(self.text(part) for part in parts.values())]).encode())
        version = ".".join(str(self.versions(each)[-1]) for each in (name, *parts.values()))
        messages = tuple(
            Message(role, _BLANKS.sub("\n\n", Template(body).substitute(filled)).strip())
            for role, body in sections(text)
        )
        return Prompt(name, version, whole.hexdigest(), messages)

    def _part(self, name: str) -> str:
        return "\n".join(body for _, body in sections(self.text(name))).strip()


def sections(text: str) -> list[tuple[str, str]]:
    """Give the sections of a prompt's text: role and body."""
    pieces = _SECTION.split(text)[1:]
    return list(zip(pieces[::2], pieces[1::2], strict=True))


@cache
def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
