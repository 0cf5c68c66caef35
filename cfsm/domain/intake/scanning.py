"""Reads Python text that may not parse: where strings, comments and brackets are."""

from collections.abc import Iterator
from typing import NamedTuple

OPENERS = {"(": ")", "[": "]", "{": "}"}
CLOSERS = {closer: opener for opener, closer in OPENERS.items()}


class Bracket(NamedTuple):
    """A bracket outside of strings and comments, by its offset."""

    at: int
    character: str


def code_characters(text: str) -> Iterator[tuple[int, str]]:
    """Give each character that stands outside of strings and comments, with its offset.

    Strings count with their quotes; a plain string that is not closed ends with its line.
    """
    at = 0
    while at < len(text):
        character = text[at]
        if character == "#":
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        elif character in "\"'":
            at = string_end(text, at)
        else:
            yield at, character
            at += 1


def string_end(text: str, start: int) -> int:
    """Give the offset behind the string that begins at ``start``."""
    quote = text[start]
    if text.startswith(quote * 3, start):
        end = text.find(quote * 3, start + 3)
        return len(text) if end < 0 else end + 3
    at = start + 1
    while at < len(text) and text[at] != "\n":
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == quote:
            return at + 1
        at += 1
    return min(at, len(text))


def brackets(text: str) -> list[Bracket]:
    """Give the brackets of a text, in order."""
    return [Bracket(at, each) for at, each in code_characters(text) if each in OPENERS or each in CLOSERS]


def unclosed(text: str) -> list[Bracket]:
    """Give the brackets that are opened and not closed; closers without opener are passed over."""
    stack: list[Bracket] = []
    for bracket in brackets(text):
        if bracket.character in OPENERS:
            stack.append(bracket)
        elif stack and OPENERS[stack[-1].character] == bracket.character:
            stack.pop()
    return stack


def matching(text: str, opening: int) -> int | None:
    """Give the offset of the bracket that closes the one at ``opening``, or None."""
    depth = 0
    for bracket in brackets(text[opening:]):
        depth += 1 if bracket.character in OPENERS else -1
        if depth == 0:
            return opening + bracket.at
    return None


def code_end(line: str) -> int:
    """Give the offset behind the last code of a line: before its comment and the blanks around it."""
    end = 0
    at = 0
    while at < len(line):
        if line[at] == "#":
            break
        if line[at] in "\"'":
            at = string_end(line, at)
            end = at
            continue
        if not line[at].isspace():
            end = at + 1
        at += 1
    return end


def indentation(line: str) -> int:
    """Give how many blanks begin a line."""
    return len(line) - len(line.lstrip(" \t"))
