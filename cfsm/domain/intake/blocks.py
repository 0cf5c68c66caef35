"""Finds blocks of code in an answer: fences of every kind, tags, code inside JSON, code without any fence."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

from cfsm.domain.intake.json_text import find_json

MAX_LINE_CHARACTERS = 2_000
"""Longer lines are not searched for marks within them: no model writes code so, and searching takes its time."""

CODE_LANGUAGES = {"", "python", "py", "python3", "python2", "code", "strategy", "freqtrade", "text", "plaintext", "txt"}
_FENCE = re.compile(r"^(?P<blank>[ \t>*-]*?)(?P<fence>`{3,}+|~{3,}+)[ \t]*(?P<info>[^`\n]*)$")
_QUOTE_FENCE = re.compile(r"^\s*(?P<fence>'''|\"\"\")(?P<info>python3?|py)\s*$", re.IGNORECASE)
_TAGS = re.compile(
    r"<(?P<tag>code|python|pre|answer|strategy|source|output)\b[^>]*>(?P<inside>.*?)(?:</(?P=tag)>|\Z)"
    r"|\[(?P<mark>PYTHON|CODE)\](?P<marked>.*?)(?:\[/(?P=mark)\]|\Z)"
    r"|\\begin\{(?P<latex>\w+)\}(?P<lines>.*?)(?:\\end\{(?P=latex)\}|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_CODE_START = re.compile(
    r"^(?:from\s+[\w.]+\s+import\b|import\s+[\w.]+(?:\s+as\s+\w+)?\s*(?:[,;#].*)?$|class\s+\w+\s*[(:]|@\w+|def\s+\w+\s*\()"
)
_CODE_LINE = re.compile(
    r"^(?:[ \t]+\S|$|#|@\w|[)\]}]|(?:class|def|if|for|while|try|with)\b.*|(?:else|finally|except)\b.*:|"
    r"(?:from|import)\s+[\w.]+|(?:return|pass|raise|assert|del|global)\b|[A-Za-z_][\w.\[\]'\"]*\s*(?:[-+*/|&]?=[^=]|\()|"
    r"[\"']{3}|[\"'])"
)
_JSON_CODE = re.compile(r"\bclass\s+\w+|\bdef\s+populate_|\bimport\s+\w+")
_LINE_NUMBER = re.compile(r"^\s{0,5}\d{1,4}\s*[|:.)]?(?:\s|$)")


@dataclass(frozen=True)
class Block:
    """Code found in an answer. ``is_open`` says that its end was not marked: it may be cut off."""

    text: str
    language: str
    is_open: bool
    how: str


def fenced(text: str) -> list[Block]:
    """Give the fenced blocks, in order. A fence with a language inside a block ends it and opens the next."""
    found: list[Block] = []
    fence, language, lines = "", "", list[str]()
    for line in _split_glued(text):
        opening = _FENCE.match(line) or _QUOTE_FENCE.match(line)
        mark = opening["fence"] if opening else ""
        info = opening["info"].strip() if opening else ""
        if fence and opening and mark[0] == fence[0] and (not info or mark[0] in "`~"):
            found.append(_block(lines, language, is_open=False))
            fence = ""
            if not info:
                continue
        if not fence and opening:
            fence, lines = mark, []
            language, _, rest = info.partition(" ")
            if _CODE_START.match(info) or _CODE_START.match(rest):  # code on the fence's own line
                language, lines = ("", [info]) if _CODE_START.match(info) else (language, [rest])
        elif fence and line.strip() == fence and fence[0] in "'\"":
            found.append(_block(lines, language, is_open=False))
            fence = ""
        elif fence:
            lines.append(line)
    if fence:
        found.append(_block(lines, language, is_open=True))
    return [block for block in found if block.text.strip()]


def _split_glued(text: str) -> Iterator[str]:
    """Give the lines; a closing fence glued to the end of a line of code gets a line of its own."""
    for line in text.split("\n"):
        if len(line) > MAX_LINE_CHARACTERS or "```" not in line:
            yield line
            continue
        glued = re.match(r"^(?P<code>.*[^`\s].*?)(?P<fence>`{3,})\s*$", line)
        opened = re.match(r"^(?P<said>.*\w.*?[:.]\s*)(?P<fence>```\w*)\s*$", line)
        if opened and not line.startswith((" ", "\t")):
            yield from (opened["said"], opened["fence"])
        elif glued and "`" not in glued["code"]:
            yield from (glued["code"], glued["fence"])
        else:
            yield line


def _block(lines: list[str], language: str, *, is_open: bool) -> Block:
    kept = list(lines)
    name = re.sub(r"[^a-z0-9+#-].*", "", language.lower().strip("{.}"))
    if kept and not name and kept[0].strip().lower() in {"python", "py", "python3"}:
        name, kept = "python", kept[1:]
    return Block(dedent("\n".join(kept)), name, is_open, "fence")


def tagged(text: str) -> list[Block]:
    """Give the code between tags of HTML, of some models, or of LaTeX."""
    found = []
    for match in _TAGS.finditer(text):
        inside = match["inside"] or match["marked"] or match["lines"] or ""
        closes = match.group().rstrip().endswith((">", "]", "}")) and len(match.group()) > len(inside) + 2
        inner = re.sub(r"</?(?:code|pre|span|br|p|div)\b[^>]*>", "", inside, flags=re.IGNORECASE)
        if inner.strip():
            found.append(Block(dedent(inner.strip("\n")), "python", not closes, "tag"))
    return found


def inside_json(text: str) -> list[Block]:
    """Give the code that stands in the strings of a JSON value within the text."""
    found = find_json(text)
    pieces = [piece for piece in _strings(found[0]) if _JSON_CODE.search(piece)] if found else []
    inner = [block for piece in pieces for block in fenced(piece)]
    if inner:
        return inner
    if pieces:
        return [Block(dedent(piece.strip("\n")), "python", is_open=False, how="json") for piece in pieces]
    broken = re.search(r'"(?:\w*code\w*|strategy|source|python|content)"\s*:\s*"(?P<code>.*)', text, re.DOTALL)
    if broken is None or "\\n" not in broken["code"]:
        return []
    code = re.sub(r'"\s*,?\s*(?:"\w+"\s*:[^\n]*)?\}?\s*\Z', "", broken["code"])
    return [Block(unescaped(code), "python", is_open=True, how="json")] if _JSON_CODE.search(code) else []


def _strings(value: Any) -> Iterator[str]:
    """Give the strings in a JSON value; a list of lines is one text."""
    if isinstance(value, str):
        yield unescaped(value) if value.count("\\n") > value.count("\n") + 3 else value
    elif isinstance(value, list):
        if value and all(isinstance(each, str) for each in value):
            yield "\n".join(value)
        else:
            for each in value:
                yield from _strings(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)


def unescaped(text: str) -> str:
    """Give a text whose line ends and quotes were written as escapes."""
    known = {"\\n": "\n", "\\t": "    ", '\\"': '"', "\\'": "'", "\\\\": "\\", "\\r": ""}
    return re.sub(r"\\[nt\"'\\r]", lambda found: known[found.group()], text)


def bare(text: str) -> list[Block]:
    """Give the code of an answer without any fence: from its first line of code to its last."""
    whole = unescaped(text) if text.count("\\n") > 10 and text.count("\n") < 5 else text  # noqa: PLR2004 - clear
    how = "bare" if whole is text else "escaped"
    lines = whole.split("\n")
    first = next((number for number, line in enumerate(lines) if _CODE_START.match(line)), None)
    if first is None:
        return _indented(lines)
    kept = without_prose_at_end(lines[first:])
    is_open = not any(line.strip() for line in lines[first + len(kept) :])
    return [Block("\n".join(kept), "", is_open, how)]


def _indented(lines: list[str]) -> list[Block]:
    """Give the code that stands indented as a whole: Markdown's old form, or a value in YAML."""
    first = next((number for number, line in enumerate(lines) if _CODE_START.match(line.lstrip())), None)
    if first is None:
        return []
    depth = len(lines[first]) - len(lines[first].lstrip())
    last = first
    while last < len(lines) and (not lines[last].strip() or len(lines[last]) - len(lines[last].lstrip()) >= depth):
        last += 1
    return [Block(dedent("\n".join(lines[first:last])), "", is_open=last == len(lines), how="indented")]


def without_prose_at_end(lines: list[str]) -> list[str]:
    """Drop what follows the code: from the first line that starts at the margin and is not code."""
    seen_class = False
    quote = ""
    for number, line in enumerate(lines):
        quote = _docstring_after(line, quote)
        seen_class = seen_class or line.startswith("class ")
        if seen_class and not quote and not _CODE_LINE.match(line) and not _CODE_START.match(line):
            return _stripped(lines[:number])
        if (
            seen_class
            and not quote
            and re.match(r"^#{1,6}\s+\w[^=()]*:?\s*$", line)
            and _is_prose_after(lines[number + 1 :])
        ):
            return _stripped(lines[:number])
    return _stripped(lines)


def _is_prose_after(lines: list[str]) -> bool:
    """Say whether the next written line is prose, so that a ``#`` before it is a heading."""
    following = next((line for line in lines if line.strip()), "")
    return bool(following) and not _CODE_LINE.match(following)


def _docstring_after(line: str, quote: str) -> str:
    """Give the triple quotes that are open behind a line, given those open before it."""
    at = 0
    while at < len(line):
        if quote:
            end = line.find(quote, at)
            if end < 0:
                return quote
            at, quote = end + 3, ""
        else:
            found = re.search(r"\"\"\"|'''|#", line[at:])
            if found is None or found.group() == "#":
                return ""
            at, quote = at + found.end(), found.group()
    return quote


def _stripped(lines: list[str]) -> list[str]:
    kept = list(lines)
    while kept and not kept[-1].strip():
        kept.pop()
    return kept


def without_marks(text: str) -> tuple[str, str]:
    """Take line numbers, prompts of the interpreter, quote signs or a diff's signs from all lines.

    Give the text and what was taken, empty if nothing.
    """
    lines = text.split("\n")
    written = [line for line in lines if line.strip()]
    if not written:
        return text, ""
    numbered = [line for line in written if _LINE_NUMBER.match(line)]
    if len(numbered) == len(written) > 3:  # noqa: PLR2004 - fewer could be anything
        return dedent("\n".join(_LINE_NUMBER.sub("", line) for line in lines)), "line_numbers"
    if all(line.startswith((">>>", "...")) for line in written):
        return "\n".join(re.sub(r"^(?:>>>|\.\.\.) ?", "", line) for line in lines), "interpreter_prompts"
    if all(line.startswith(">") for line in written):
        return "\n".join(re.sub(r"^> ?", "", line) for line in lines), "quote_signs"
    if all(line.startswith(("+", "-", "@@", " ")) for line in written) and written[-1].startswith("+"):
        return "\n".join(line[1:] for line in lines if not line.startswith(("-", "@@"))), "diff_signs"
    return text, ""
