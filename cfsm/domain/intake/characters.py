"""Mends characters: what word processors, web pages and chat templates do to code."""

import html
import re

from cfsm.domain.answer import whole_characters
from cfsm.domain.intake.repair import Repair
from cfsm.domain.intake.scanning import code_characters

INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060\u00ad\x00\u200e\u200f"))
SPACES = dict.fromkeys(map(ord, "\u00a0\u2002\u2003\u2007\u2009\u202f\u3000"), " ")
ASCII = {
    "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u201f": '"', "\u00ab": '"', "\u00bb": '"', "\u2033": '"',
    "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u201b": "'", "\u2032": "'", "\u00b4": "'", "\u2035": "'",
    "\u2212": "-", "\u2013": "-", "\u2014": "-", "\u2010": "-", "\u2011": "-",
    "\u00d7": "*", "\u00f7": "/", "\u2264": "<=", "\u2265": ">=", "\u2260": "!=", "\u2026": "...", "\u2192": "->",
    "\uff08": "(", "\uff09": ")", "\uff0c": ",", "\uff1a": ":", "\uff1d": "=", "\uff3b": "[", "\uff3d": "]",
    "\u2227": "&", "\u2228": "|", "\u00ac": "~", "\u037e": ";",
}  # fmt: skip
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|nbsp|#39|#34|#x27|#x22|#60|#62|#38);", re.IGNORECASE)
_TEMPLATE = re.compile(
    r"<\|(?:im_start|im_end|endoftext|end_of_text|eot_id|assistant|user|system|end|begin_of_text|start_header_id"
    r"|end_header_id)\|>|</?s>|\[/?INST\]|<end_of_turn>|<start_of_turn>|<bos>|<eos>",
    re.IGNORECASE,
)
_SMART = re.compile("[\u201c\u201d\u2018\u2019\u201e\u00ab\u00bb]")


def clean(text: str) -> tuple[str, list[str]]:
    """Give the text without line ends of other systems, invisible characters and a chat template's tokens."""
    steps = []
    plain = whole_characters(text).replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n").replace("\v", "\n")
    visible = plain.translate(INVISIBLE).translate(SPACES)
    if visible != plain:
        steps.append("invisible_characters")
    spoken = _TEMPLATE.sub("", visible)
    if spoken != visible:
        steps.append("template_tokens")
    return spoken, steps


def unescape_html(code: str) -> tuple[str, list[Repair]]:
    """Give code without HTML's escapes, if it has any."""
    found = _ENTITY.search(code)
    if found is None:
        return code, []
    plain = code
    for _ in range(3):  # escaped twice by some web pages
        if not _ENTITY.search(plain):
            break
        plain = _ENTITY.sub(lambda each: html.unescape(each.group()).replace("\u00a0", " "), plain)
    line = code.count("\n", 0, found.start()) + 1
    return plain, [Repair("html_unescape", line, f"{found.group()} and the like became characters")]


def ascii_quotes(code: str) -> tuple[str, list[Repair]]:
    """Give code with ASCII quotes, signs and brackets outside of its ASCII strings and comments.

    A string in typographic quotes keeps the apostrophes within it where they do not end it.
    """
    pieces: list[str] = []
    changed: list[int] = []
    at = 0
    for place, character in code_characters(code):
        if place < at:
            continue
        if character in _OPENING_QUOTES:
            text, end = _quoted(code, place)
            pieces += [code[at:place], text]
            changed.append(place)
            at = end
        elif character in ASCII:
            pieces += [code[at:place], ASCII[character]]
            changed.append(place)
            at = place + 1
    if not changed:
        return code, []
    pieces.append(code[at:])
    line = code.count("\n", 0, changed[0]) + 1
    return "".join(pieces), [Repair("ascii_quotes", line, f"{len(changed)} typographic signs became ASCII")]


_OPENING_QUOTES = "\u201c\u201d\u2018\u2019\u201e\u00ab"
_DOUBLE = "\u201c\u201d\u201e\u00ab\u00bb\u201f"


def _quoted(code: str, start: int) -> tuple[str, int]:
    """Give the ASCII form of a typographic string that begins here, and where it ends."""
    closers = _DOUBLE if code[start] in _DOUBLE else "\u2018\u2019\u201b"
    quote = '"' if code[start] in _DOUBLE else "'"
    if code[start + 1 : start + 2] in closers and code[start + 2 : start + 3] in closers:  # a docstring's
        end = start + 3
        while end < len(code) and not all(each in closers for each in code[end : end + 3] or " "):
            end += 1
        return quote * 3 + code[start + 3 : end] + quote * 3, min(end + 3, len(code))
    end = start + 1
    while end < len(code) and code[end] not in closers + quote + "\n":
        end += 1
    if end >= len(code) or code[end] == "\n":
        return quote, start + 1
    return quote + code[start + 1 : end].replace(quote, f"\\{quote}") + quote, end + 1
