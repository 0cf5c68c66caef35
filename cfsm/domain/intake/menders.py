"""Candidates for a text that does not parse: each mender offers, for one kind of error, the text with it mended.

A mender may offer what does not help: whoever asks keeps a candidate only if the parser then gets further.
"""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from cfsm.domain.intake.characters import ascii_quotes
from cfsm.domain.intake.repair import Repair
from cfsm.domain.intake.scanning import OPENERS, brackets, code_end, indentation, unclosed
from cfsm.domain.intake.torn import Torn, torn

MAX_DROPPED_LINES = 40
MAX_STATEMENT_LINES = 40
MAX_DOCSTRING_LINES = 6

Candidates = Iterator[tuple[str, Repair]]


def _characters(error: Torn) -> Candidates:
    text, repairs = ascii_quotes(error.text)
    if repairs:
        yield text, repairs[0]


def _markup(error: Torn) -> Candidates:
    """A line of markup within the code."""
    line = error.current.strip()
    if re.fullmatch(r"[!%$]\s?[a-z].*|(?:`{3,}|~{3,})\w*|</?[a-zA-Z][^>]*>|[-=*_]{3,}|\*\*.*\*\*|#{2,}", line):
        yield error.with_line(error.line, None), Repair("drop_markup", error.line, f"the line {line!r} is no code")


def _cut_end(error: Torn) -> Candidates:
    """The last statement is torn: it goes."""
    lines = error.lines
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    if not error.is_cut or end - error.line > MAX_STATEMENT_LINES:
        return
    for kept in range(end - 1, max(0, end - MAX_DROPPED_LINES), -1):
        text = "\n".join(lines[:kept]) + "\n"
        if kept < error.line and torn(text) is None:
            yield text, Repair("drop_truncated_tail", kept + 1, f"{end - kept} torn lines at the end were dropped")
            return


def _tabs(error: Torn) -> Candidates:
    numbers = [number for number, line in enumerate(error.lines, start=1) if "\t" in line[: indentation(line)]]
    if not numbers:
        return
    for width in (_tab_width(error.lines), 4, 8, 2):
        text = "\n".join(_detabbed(line, width) for line in error.lines)
        yield text, Repair("detab", numbers[0], f"tabs in the indentation became {width} blanks")


def _tab_width(lines: list[str]) -> int:
    """Give the width at which lines with tabs stand where their neighbours with blanks do."""
    for before, line in pairwise(lines):
        tabs = len(line) - len(line.lstrip("\t"))
        blanks = indentation(before)
        if tabs and line.strip() and before.strip() and "\t" not in before and blanks and blanks % tabs == 0:
            is_opener = before.rstrip().endswith(":")
            return blanks // tabs if not is_opener else (blanks + 4) // tabs
    return 4


def _detabbed(line: str, width: int) -> str:
    body = line.lstrip(" \t")
    return line[: len(line) - len(body)].expandtabs(width) + body


def _indentation(error: Torn) -> Candidates:
    """A line stands where no block is: it, and what follows at its depth, moves to the nearest block."""
    if error.message == "unexpected indent":
        before = _code_before(error)
        depth = indentation(error.lines[before - 1]) if before else 0
        yield from _moved(error, error.line, depth)
        yield _line_moved(error, depth)
    elif error.message.startswith("unindent does not match"):
        depths = {indentation(line) for line in error.lines[: error.line - 1] if line.strip()}
        here = indentation(error.current)
        for depth in sorted(depths, key=lambda known: (abs(known - here), -known)):
            yield from _moved(error, error.line, depth)
    elif error.message.startswith("expected an indented block"):
        yield from _missing_body(error)


def _code_before(error: Torn) -> int:
    """Give the number of the last line of code before the error, 0 if there is none."""
    for number in range(error.line - 1, 0, -1):
        line = error.lines[number - 1].strip()
        if line and not line.startswith("#"):
            return number
    return 0


def _line_moved(error: Torn, depth: int) -> tuple[str, Repair]:
    text = error.with_line(error.line, " " * depth + error.current.lstrip())
    return text, Repair("fix_indentation", error.line, "a line was moved to its block")


def _moved(error: Torn, first: int, depth: int) -> Candidates:
    """Move a line, and those after it that stand as deep or deeper, to another depth."""
    lines = error.lines
    here = indentation(lines[first - 1])
    last = first
    while last < len(lines) and (not lines[last].strip() or indentation(lines[last]) >= here > 0):
        last += 1
    moved = [
        f"{' ' * max(0, depth + indentation(line) - here)}{line.lstrip()}".rstrip() for line in lines[first - 1 : last]
    ]
    text = "\n".join([*lines[: first - 1], *moved, *lines[last:]])
    yield text, Repair("fix_indentation", first, "lines were moved to their block")


def _missing_body(error: Torn) -> Candidates:
    """A block has no body: what follows is moved into it, or it gets a ``pass``."""
    lines = error.lines
    found = re.search(r"on line (\d+)", error.message)
    opener = int(found.group(1)) if found else max(1, error.line - 1)
    depth = indentation(lines[opener - 1])
    last = error.line
    while last <= len(lines) and not re.match(rf"\s{{0,{depth}}}(?:(?:def|class)\b|@)", lines[last - 1]):
        last += 1
    body = lines[error.line - 1 : last - 1]
    if any(line.strip() for line in body) and not re.match(r"\s*(?:def|class|@)", error.current):
        here = indentation(error.current)
        moved = [f"{' ' * (depth + 4 + max(0, indentation(line) - here))}{line.lstrip()}".rstrip() for line in body]
        text = "\n".join([*lines[: error.line - 1], *moved, *lines[last - 1 :]])
        yield text, Repair("fix_indentation", error.line, "a block was indented under its head")
    text = "\n".join([*lines[:opener], " " * (depth + 4) + "pass", *lines[opener:]])
    yield text, Repair("add_pass", opener, "an empty block got a body")


def _colon(error: Torn) -> Candidates:
    if error.message.startswith("expected ':'"):
        end = code_end(error.current)
        line = f"{error.current[:end].rstrip(';,')}:{error.current[end:]}"
        yield error.with_line(error.line, line), Repair("add_colon", error.line, "a head got its colon")


def _statement(error: Torn) -> tuple[int, int]:
    """Give the first and last line of the statement around the error, by its indentation."""
    lines = error.lines
    first = error.line
    while first > 1 and (
        lines[first - 1].lstrip().startswith((")", "]", "}", "&", "|"))
        or unclosed("\n".join(lines[max(0, first - MAX_STATEMENT_LINES) : first - 1]))
    ):
        shallower = [number for number in range(first - 1, 0, -1) if lines[number - 1].strip()]
        if not shallower or first - shallower[0] > MAX_STATEMENT_LINES:
            break
        first = shallower[0]
        if re.match(r"\s*(?:def|class|@|return)\b", lines[first - 1]) or lines[first - 1].rstrip().endswith(":"):
            first += 1
            break
    depth = indentation(lines[first - 1])
    last = first
    while last < len(lines) and last - first < MAX_STATEMENT_LINES:
        line = lines[last]
        if line.strip() and indentation(line) <= depth and not line.lstrip().startswith((")", "]", "}")):
            break
        last += 1
    while last > first and not lines[last - 1].strip():
        last -= 1
    return first, last


def _brackets(error: Torn) -> Candidates:
    """A bracket is missing, or too many, in the statement around the error."""
    spans = {(error.line, error.line), _statement(error)}
    for first, last in sorted(spans):
        lines = error.lines
        statement = "\n".join(lines[first - 1 : last])
        for candidate in _balanced(statement):
            text = "\n".join([*lines[: first - 1], candidate, *lines[last:]])
            what = "added" if len(candidate) > len(statement) else "taken out"
            yield text, Repair("balance_parens", first, f"a bracket was {what}")


def _balanced(statement: str) -> Iterator[str]:
    """Give the statement with one bracket more, or less, in the likeliest places first."""
    stack = [each.character for each in unclosed(statement)]
    closers = [OPENERS[each] for each in dict.fromkeys(reversed(stack))] or [")"]
    for closer in closers:
        for place in _likely_ends(statement):
            candidate = f"{statement[:place]}{closer}{statement[place:]}"
            if _parses_alone(candidate):
                yield candidate
    for bracket in reversed(brackets(statement)):
        candidate = statement[: bracket.at] + statement[bracket.at + 1 :]
        if _parses_alone(candidate):
            yield candidate
    for bracket in brackets(statement):
        if bracket.character in OPENERS:
            candidate = f"{statement[: bracket.at + 1]}({statement[bracket.at + 1 :]}"
            if _parses_alone(candidate):
                yield candidate


def _likely_ends(statement: str) -> Iterator[int]:
    """Give the places where a bracket is likeliest to have been forgotten."""
    for found in re.finditer(r",\s*\[?\s*['\"]\w+['\"]", statement):
        yield found.start()
    for found in re.finditer(r"(?<=['\"])\s*=(?!=)", statement):
        yield found.start()
    for found in re.finditer(r"\s+[&|]\s", statement):
        yield found.start()
    yield from (bracket.at for bracket in brackets(statement) if bracket.character in ")]}")
    at = 0
    for line in statement.split("\n"):
        yield at + code_end(line)
        yield at + len(line[: code_end(line)].rstrip(":,"))
        at += len(line) + 1


def _parses_alone(statement: str) -> bool:
    """Say whether a statement parses by itself (a head with a body added)."""
    lines = statement.split("\n")
    depth = indentation(lines[0])
    alone = "\n".join(line[min(depth, indentation(line)) :] for line in lines)
    body = "\n    pass" if alone.rstrip().endswith(":") else ""
    return torn(f"{alone}{body}\n") is None


def _operators(error: Torn) -> Candidates:
    """Operators of other languages."""
    line = error.current
    changed = line
    for pattern, operator in (
        (r"\s*&&\s*", " & "),
        (r"\s*\|\|\s*", " | "),
        (r"===", "=="),
        (r"!==", "!="),
        (r"<>", "!="),
        (r"=>", ">="),
        (r"=<", "<="),
        (r"!(?=\()", "~"),
        (r"\belse\s+if\b", "elif"),
        (r"\belseif\b", "elif"),
        (r"\bthen\s*:?$", ":"),
        (r"\bAND\b", "&"),
        (r"\bOR\b", "|"),
        (r"\bNOT\b", "~"),
        (r"(\w+)\+\+$", r"\1 += 1"),
        (r"^(\s*)(?:let|var|const)\s+", r"\1"),
        (r"//\s", "# "),
        (r"\b0+(\d+)\b(?!\.)", r"\1"),
        (r"(\d)%(?=\s*(?:[,)\]}]|$))", r"\1 / 100"),
        (r"`([^`'\n]*)`", r"'\1'"),
    ):
        changed = re.sub(pattern, operator, changed)
        if changed != line:
            yield (
                error.with_line(error.line, changed),
                Repair("fix_operators", error.line, "signs of another language became Python's"),
            )


def _class_name(error: Torn) -> Candidates:
    """A class's name with signs that names do not have: those of a model's tag, or a blank."""
    found = re.match(r"^(\s*class\s+)([^(:\n]*[^\w\s(:][^(\n]*|\w+(?:[ \t]+\w+)+)(?=\s*\()", error.current)
    if found is None:
        return
    name = re.sub(r"\W+", "_", found.group(2).strip().replace(" ", "")).strip("_")
    line = f"{found.group(1)}{name}{error.current[found.end() :]}"
    yield error.with_line(error.line, line), Repair("spell_class_name", error.line, f"the class is called {name}")


def _fstring(error: Torn) -> Candidates:
    """Within an f-string the quotes around it stand again, which Python takes from 3.12 on only."""
    if not error.message.startswith("f-string"):
        return
    line = error.current
    for quote, other in (('"', "'"), ("'", '"')):
        pieces = re.split(rf"(\{{[^{{}}\n]*\[{quote}[^{{}}\n]*\}})", line)
        changed = "".join(piece.replace(quote, other) if number % 2 else piece for number, piece in enumerate(pieces))
        if changed != line:
            yield error.with_line(error.line, changed), Repair("fstring_quotes", error.line, "other quotes within")


def _print(error: Torn) -> Candidates:
    found = re.match(r"^(\s*)print\s+(.+?)\s*$", error.current)
    if found:
        line = f"{found.group(1)}print({found.group(2)})"
        yield error.with_line(error.line, line), Repair("print_call", error.line, "print became a call")


def _commas(error: Torn) -> Candidates:
    """A comma between two items was forgotten."""
    for number in (error.line, error.line - 1):
        if number < 1 or number > len(error.lines):
            continue
        line = error.lines[number - 1]
        end = code_end(line)
        if end and line[end - 1] not in ",([{:":
            changed = f"{line[:end]},{line[end:]}"
            yield error.with_line(number, changed), Repair("add_comma", number, "a comma between items was added")


def _quotes(error: Torn) -> Candidates:
    """A quote is missing within brackets: ``['close]``."""
    changed = re.sub(r"\[\s*(['\"])(\w+)\s*\]", r"[\1\2\1]", error.current)
    changed = re.sub(r"\[\s*(\w+)(['\"])\s*\]", r"[\2\1\2]", changed)
    if changed != error.current:
        yield error.with_line(error.line, changed), Repair("close_quote", error.line, "a quote was added")


def _docstring(error: Torn) -> Candidates:
    """Triple quotes are never closed: they are, at the end of their line or of one of the next."""
    if not error.message.startswith("unterminated triple-quoted"):
        return
    opened = re.search(r"\"\"\"|'''", error.current)
    for number in range(error.line, min(error.line + MAX_DOCSTRING_LINES, len(error.lines) + 1)):
        line = error.lines[number - 1]
        if opened is not None:
            changed = error.with_line(number, f"{line.rstrip()}{opened.group()}")
            yield changed, Repair("close_quote", number, "a docstring was closed")


def _prose(error: Torn) -> Candidates:
    """A sentence stands between the lines of code: it becomes a comment."""
    line = error.current.strip()
    words = re.findall(r"[^\W\d_]{2,}", line)
    is_code = re.search(r"[=\[\]{}]|\w\(|^(?:def|class|return|import|from|if|for|while)\b.*:?$", line)
    if len(words) > 2 and not is_code:  # noqa: PLR2004 - a sentence has more than two words
        depth = indentation(error.current)
        changed = f"{' ' * depth}# {line}"
        yield error.with_line(error.line, changed), Repair("comment_prose", error.line, "a sentence became a comment")


def _placeholder(error: Torn) -> Candidates:
    """A placeholder in angle or square brackets that is no code."""
    line = error.current.strip()
    if re.fullmatch(r"[<\[][A-Za-z][^<>\[\]]*[>\]]|\.\.\.\s*\w.*", line):
        depth = indentation(error.current)
        changed = f"{' ' * depth}# {line}"
        yield (
            error.with_line(error.line, changed),
            Repair("comment_prose", error.line, "a placeholder became a comment"),
        )


MENDERS: tuple[Callable[[Torn], Candidates], ...] = (
    _characters,
    _markup,
    _cut_end,
    _tabs,
    _indentation,
    _class_name,
    _colon,
    _fstring,
    _quotes,
    _docstring,
    _brackets,
    _commas,
    _operators,
    _print,
    _prose,
    _placeholder,
)
