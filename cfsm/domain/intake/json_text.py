"""Reads JSON as models write it: comments, single quotes, trailing commas, Python's words, text around it."""

import re
from typing import Any

MAX_DEPTH = 60
MAX_ATTEMPTS = 200
MAX_WASTED_CHARACTERS = 500_000
_WORDS: dict[str, Any] = {
    "true": True,
    "false": False,
    "null": None,
    "True": True,
    "False": False,
    "None": None,
    "NaN": None,
    "yes": True,
    "no": False,
    "undefined": None,
}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "/": "/", "\\": "\\", '"': '"', "'": "'"}
_QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019", "`": "`"}
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_WORD = re.compile(r"[A-Za-z_$][\w$-]*")
_STRICT_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_LOW_HALF = re.compile(r"\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_OPENING = re.compile(r"[{\[]")
_BLANK = re.compile(r"(?:\s+|//[^\n]*|#[^\n]*|/\*.*?\*/)+", re.DOTALL)


class NotJson(ValueError):
    """A text cannot be read as JSON, not even leniently; ``at`` is the offset."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(f"at character {at + 1}: {message}")
        self.at = at


class Lenient:
    """Reads one value from a text. ``strict`` says afterwards whether it was plain JSON."""

    def __init__(self, text: str, at: int = 0) -> None:
        self._text = text
        self.at = at
        self.strict = True
        self._depth = 0

    def value(self) -> Any:
        """Give the value that begins here. Raise NotJson."""
        self._blank()
        character = self._text[self.at : self.at + 1]
        if character == "{":
            return self._nested(self._object)
        if character == "[":
            return self._nested(self._array)
        if character in _QUOTES and character:
            return self._string()
        found = _NUMBER.match(self._text, self.at)
        if found:
            self.at = found.end()
            self.strict = self.strict and _STRICT_NUMBER.fullmatch(found.group()) is not None
            return _number(found.group())
        return self._word()

    def _nested(self, read: Any) -> Any:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotJson(self.at, f"nested deeper than {MAX_DEPTH}")
        value = read()
        self._depth -= 1
        return value

    def _blank(self) -> None:
        found = _BLANK.match(self._text, self.at)
        if found:
            self.strict = self.strict and not found.group().strip()
            self.at = found.end()

    def _take(self, character: str) -> bool:
        self._blank()
        if self._text.startswith(character, self.at):
            self.at += len(character)
            return True
        return False

    def _object(self) -> dict[str, Any]:
        self.at += 1
        read: dict[str, Any] = {}
        while not self._take("}"):
            key = self._key()
            if not self._take(":") and not self._take("="):
                raise NotJson(self.at, "expected ':'")
            read[key] = self.value()
            self._separator("}")
        return read

    def _array(self) -> list[Any]:
        self.at += 1
        read: list[Any] = []
        while not self._take("]"):
            read.append(self.value())
            self._separator("]")
        return read

    def _separator(self, closer: str) -> None:
        """Take the comma; one before the closer, or none at a line's end, is not strict JSON."""
        before = self.at
        had_comma = self._take(",")
        self._blank()
        closes = self._text.startswith(closer, self.at)
        if had_comma and closes:
            self.strict = False
        if not had_comma and not closes:
            if self.at >= len(self._text) or "\n" not in self._text[before : self.at]:
                raise NotJson(self.at, f"expected ',' or {closer!r}")
            self.strict = False

    def _key(self) -> str:
        self._blank()
        if self._text[self.at : self.at + 1] in _QUOTES and self.at < len(self._text):
            return str(self._string())
        found = _WORD.match(self._text, self.at) or _NUMBER.match(self._text, self.at)
        if not found:
            raise NotJson(self.at, "expected a name")
        self.strict = False
        self.at = found.end()
        return found.group()

    def _string(self) -> str:
        opening = self._text[self.at]
        if self._text.startswith(opening * 3, self.at) and opening in "\"'`":
            return self._long_string(opening * 3)
        self.strict = self.strict and opening == '"'
        closing = _QUOTES[opening]
        self.at += 1
        pieces: list[str] = []
        while self.at < len(self._text):
            character = self._text[self.at]
            if character == closing and self._closes(closing):
                self.at += 1
                return "".join(pieces)
            if character == "\\":
                pieces.append(self._escape())
                continue
            self.strict = self.strict and character not in "\n\r\t" and character != closing
            pieces.append(character)
            self.at += 1
        raise NotJson(self.at, "a string is not closed")

    def _long_string(self, quotes: str) -> str:
        self.strict = False
        end = self._text.find(quotes, self.at + 3)
        if end < 0:
            raise NotJson(self.at, "a string is not closed")
        content = self._text[self.at + 3 : end]
        self.at = end + 3
        return content

    def _closes(self, closing: str) -> bool:
        """Say whether a quote closes its string: what follows is punctuation, or nothing."""
        rest = self._text[self.at + 1 : self.at + 60].lstrip(" \t")
        following = rest.lstrip()
        if not following or following[0] in ",}]:":
            return closing != "'" or not re.match(r",?\s*\w+'", rest) or following[0] in "}]:,"
        return rest.startswith(("\n", "//", "#"))

    def _escape(self) -> str:
        code = self._text[self.at + 1 : self.at + 2]
        if code == "u":
            digits = self._text[self.at + 2 : self.at + 6]
            if re.fullmatch(r"[0-9a-fA-F]{4}", digits):
                self.at += 6
                return self._joined(chr(int(digits, 16)))
        self.at += 2
        if code not in _ESCAPES:
            self.strict = False
        return _ESCAPES.get(code, code)

    def _joined(self, character: str) -> str:
        """Give the character of two escapes that stand for one; half a character becomes a question mark."""
        if not "\ud800" <= character <= "\udfff":
            return character
        found = _LOW_HALF.match(self._text, self.at)
        if found is None or character > "\udbff":
            return "\ufffd"
        self.at = found.end()
        pair = character + chr(int(found.group(1), 16))
        return pair.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _word(self) -> Any:
        found = _WORD.match(self._text, self.at)
        if not found or found.group() not in _WORDS:
            raise NotJson(self.at, "expected a value")
        self.strict = self.strict and found.group() in {"true", "false", "null"}
        self.at = found.end()
        return _WORDS[found.group()]


def _number(text: str) -> int | float:
    return int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text)


def find_json(text: str) -> tuple[Any, bool] | None:
    """Give the largest JSON object or array within a text, and whether it was strict; None if there is none."""
    best: tuple[int, Any, bool] | None = None
    at = wasted = 0
    for _ in range(MAX_ATTEMPTS):
        found = _OPENING.search(text, at)
        if found is None:
            break
        start = found.start()
        reader = Lenient(text, start)
        try:
            value = reader.value()
        except NotJson:
            at = start + 1
            wasted += reader.at - start
            if wasted > MAX_WASTED_CHARACTERS:
                break
            continue
        if value and (best is None or reader.at - start > best[0]):
            best = (reader.at - start, value, reader.strict)
        at = reader.at
    return (best[1], best[2]) if best is not None else None
