"""Finds the strategy's code in a raw answer, or says why there is none."""

import re
from dataclasses import dataclass, replace
from textwrap import indent

from cfsm.domain.evaluation import Finding
from cfsm.domain.intake.blocks import (
    CODE_LANGUAGES,
    Block,
    bare,
    fenced,
    inside_json,
    tagged,
    without_marks,
    without_prose_at_end,
)
from cfsm.domain.intake.characters import clean, unescape_html
from cfsm.domain.intake.json_text import find_json
from cfsm.domain.intake.loops import loop_start
from cfsm.domain.intake.reasons import no_code
from cfsm.domain.intake.repair import Repair

_THOUGHT = r"think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis"
_THOUGHT_MARK = re.compile(rf"<(?P<close>/?)(?P<tag>{_THOUGHT})>", re.IGNORECASE)
_CLASS = re.compile(r"^[ \t]*class\s+(?P<name>\w+)\s*(?:\((?P<bases>[^)\n]*)\)?)?", re.MULTILINE)
_METHOD = re.compile(r"^[ \t]*(?:async\s+)?def\s+(?P<name>\w+)", re.MULTILINE)
_IMPORT = re.compile(r"^(?:from\s+[\w.]+\s+import|import\s+\w)", re.MULTILINE)
_PLACEHOLDER = re.compile(
    r"^[ \t]*(?:#[ \t]*)?(?:\.\.\.|\[\.\.\.\])"
    r"|^[^#\n]{0,200}#[^\n]{0,200}\b(?:rest of|same as|unchanged|as before|omitted|resto del|come prima)\b",
    re.MULTILINE | re.IGNORECASE,
)
ENTRY_METHODS = frozenset({"populate_entry_trend", "populate_buy_trend"})
STRATEGY_METHODS = ENTRY_METHODS | {"populate_indicators", "populate_exit_trend", "populate_sell_trend"}


@dataclass(frozen=True)
class Extraction:
    """What was found: the code (empty if none), how, what was mended on the way, and why there is none.

    ``is_cut`` says that the code's end was not marked, so that its last statement may be torn.
    """

    text: str
    steps: tuple[str, ...] = ()
    repairs: tuple[Repair, ...] = ()
    is_cut: bool = False
    finding: Finding | None = None


def extract(answer: str, class_name: str = "") -> Extraction:
    """Give the code of the strategy in an answer.

    Thoughts are left out. Of several blocks the one with the whole strategy is taken (the one with
    ``class_name`` if there are more, else the last); parts of one strategy are put together.
    """
    text, steps = clean(answer)
    loop = loop_start(text)
    if loop is not None:
        text, steps = text[:loop], [*steps, "loop_cut"]
    spoken, thought_steps = _without_thoughts(text)
    steps += thought_steps
    blocks = _blocks(spoken.strip())
    if not blocks and "open_thought" in thought_steps:
        blocks = [block for block in fenced(text) if not block.is_open and _is_whole(block.text)]
    chosen = _choose(blocks, class_name)
    if chosen is None or (loop is not None and not _is_whole(chosen.text)):
        has_json = find_json(spoken) is not None
        finding = no_code(spoken, answer, is_loop=loop is not None, has_json=has_json, steps=thought_steps)
        return Extraction("", tuple(steps), finding=finding)
    code, mark = without_marks(chosen.text)
    code, repairs = unescape_html(code)
    code = "\n".join(without_prose_at_end(code.rstrip().split("\n")))
    steps += [chosen.how, *([mark] if mark else [])]
    return Extraction(f"{code}\n", tuple(steps), tuple(repairs), chosen.is_open)


def spoken_text(answer: str) -> str:
    """Give an answer without its thoughts and without what a chat template left in it."""
    return _without_thoughts(clean(answer)[0])[0].strip()


def _without_thoughts(text: str) -> tuple[str, list[str]]:
    """Give what was said aloud: closed thoughts go, an open one takes the rest with it."""
    spoken: list[str] = []
    steps: list[str] = []
    lowered = text.lower()
    at = 0
    for mark in _THOUGHT_MARK.finditer(text):
        if mark.start() < at:
            continue
        if mark["close"]:  # the opening tag stood in the prompt's template
            spoken, at, steps = [], mark.end(), ["thoughts"]
            continue
        end = lowered.find(f"</{mark['tag'].lower()}>", mark.end())
        spoken.append(text[at : mark.start()])
        if end < 0:
            return "\n".join(spoken), [*steps, "open_thought"]
        at, steps = end + len(mark["tag"]) + 3, ["thoughts"]
    return "\n".join([*spoken, text[at:]]), steps


def _blocks(text: str) -> list[Block]:
    """Give the blocks of the first kind that holds code."""
    in_fences = fenced(text)
    kinds = (
        [block for block in in_fences if block.language in CODE_LANGUAGES and not _is_json(block.text)],
        [piece for block in in_fences for piece in inside_json(block.text)],
        inside_json(text) if text.lstrip().startswith(("{", "[")) or "{" in text else [],
        tagged(text),
        bare(text),
        [block for block in in_fences if _METHOD.search(_plain(block.text))],  # a fence of another language's name
    )
    for blocks in kinds:
        if any(_CLASS.search(_plain(block.text)) and _METHOD.search(_plain(block.text)) for block in blocks):
            return blocks
    for blocks in kinds:
        if any(_METHOD.search(_plain(block.text)) for block in blocks):
            return blocks
    return []


def _is_json(text: str) -> bool:
    return text.lstrip().startswith("{")


def _plain(text: str) -> str:
    return without_marks(text)[0]


def _methods(text: str) -> set[str]:
    return {found["name"] for found in _METHOD.finditer(text)}


def _is_whole(text: str) -> bool:
    """Say whether a text has a strategy's class with indicators and entries."""
    methods = _methods(_plain(text))
    return bool(_CLASS.search(_plain(text))) and "populate_indicators" in methods and bool(methods & ENTRY_METHODS)


def _choose(blocks: list[Block], class_name: str) -> Block | None:
    """Give the block to take, with what belongs to it from the others."""
    whole = [block for block in blocks if _is_whole(block.text)]
    if whole:
        return _with_imports(_best(whole, class_name), blocks)
    with_class = [block for block in blocks if _CLASS.search(_plain(block.text))]
    if not with_class:
        return None
    base = max(with_class, key=lambda block: (len(_methods(block.text) & STRATEGY_METHODS), class_name in block.text))
    return _with_imports(_with_methods(base, blocks), blocks)


def _best(whole: list[Block], class_name: str) -> Block:
    """Of several whole strategies: the one of the name asked for, without gaps, and the last of those."""

    def worth(numbered: tuple[int, Block]) -> tuple[bool, bool, int]:
        number, block = numbered
        named = bool(class_name) and re.search(rf"class\s+{re.escape(class_name)}\b", block.text) is not None
        return named, not _PLACEHOLDER.search(block.text), number

    return max(enumerate(whole), key=worth)[1]


def _with_imports(chosen: Block, blocks: list[Block]) -> Block:
    """Put the imports of an earlier block before code that has none."""
    if _IMPORT.search(_plain(chosen.text)):
        return chosen
    for block in blocks:
        if block is not chosen and _IMPORT.search(block.text) and not _CLASS.search(block.text):
            return replace(chosen, text=f"{block.text.strip()}\n\n\n{chosen.text}", how="merged")
    return chosen


def _with_methods(base: Block, blocks: list[Block]) -> Block:
    """Put methods that stand in later blocks of their own into the class."""
    known = _methods(base.text)
    parts = [base.text.rstrip()]
    for block in blocks:
        is_after = blocks.index(block) > blocks.index(base)
        missing = _methods(block.text) & STRATEGY_METHODS - known
        if block is base or not is_after or not missing or _CLASS.search(block.text):
            continue
        first = next(iter(_METHOD.finditer(block.text)))
        margin = "" if first.group().startswith((" ", "\t")) else "    "
        parts.append(indent(block.text.strip("\n"), margin))
        known |= missing
    if len(parts) == 1:
        return base
    return replace(base, text="\n\n".join(parts), how="merged", is_open=blocks[-1].is_open)
