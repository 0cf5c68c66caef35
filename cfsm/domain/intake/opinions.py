"""Reads answers that are not code: ideas, judgements of a strategy, analyses of a result.

Models answer in JSON, in nearly JSON, or in prose; what is plain in any of these is read, what is not is refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cfsm.domain.intake.extraction import spoken_text
from cfsm.domain.intake.json_text import find_json

MAX_SCORE = 10
MAX_ITEMS = 20
MAX_TEXT_CHARACTERS = 2_000

_NUMBERED = re.compile(
    r"^\s*(?:(?:[-*•]\s+)?(?:\*\*|#+\s*)?(?:idea|strategy|strategia|option|proposta)\s*#?\d+\s*[:.)\u2013-]|\d+\s*[.)]|[-*•])\s*"
    r"(?P<text>.+)$",
    re.IGNORECASE,
)
_BOLD_NAME = re.compile(
    r"^\**\s*(?P<name>[^*:]{2,80}?)\s*\**\s*(?::\s*\**|\*\*\s*[-\u2013\u2014:]?|\s[-\u2013\u2014]\s)\s*(?P<rest>.*)$"
)
_SCORE = re.compile(
    r"(?P<score>\d{1,3}(?:[.,]\d+)?)\s*(?:/|su|out of|of|von)\s*(?P<scale>10|100|5)\b"
    r"|(?:score|rating|voto|valutazione|punteggio|grade)\W{0,6}(?P<plain>\d{1,3}(?:[.,]\d+)?)",
    re.IGNORECASE,
)
_REFUSES = re.compile(
    r"\b(?:not|never|cannot|can't|don't|do not|should not|shouldn't|non|mai)\b[^.\n]{0,40}"
    r"\b(?:approv\w*|accept\w*|recommend\w*|us(?:e|ed)|consigli\w*|usa(?:re|ta)|accetta\w*)"
    r"|\b(?:reject\w*|disapprov\w*|respin\w*|rifiuta\w*|bocciat\w*)\b",
    re.IGNORECASE,
)
_APPROVES = re.compile(r"\b(?:approv\w*|accept\w*|recommend\w*|consigli\w*|accetta\w*)", re.IGNORECASE)
_SEVERE = re.compile(
    r"\b(?:critical|severe|fatal|serious)\s+(?:error|flaw|bug|issue|problem)|\berror[ei]\s+(?:critic|grav)\w+"
    r"|\bshould not be used\b|\bmust not be used\b|\bnon (?:va|deve essere) usat\w+",
    re.IGNORECASE,
)
_ISSUES = re.compile(
    r"\b(?:difett\w*|problem\w*|issues?|weakness\w*|concerns?|drawbacks?|flaws?|debolezz\w*|svantagg\w*|criticit\w*)"
    r"\b[^:.\n]{0,40}:[ \t]*(?P<text>[^\n]*)",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+(?P<text>.+)$")
_YES = {"true", "yes", "y", "si", "sì", "1", "approve", "approved", "ok", "approvata", "approvato"}
_NO = {"false", "no", "n", "0", "reject", "rejected", "respinta", "respinto"}
_CREDIT = re.compile(r"\b(?:strategy|strategia|model|modello|version|versione)\s+(?P<who>[A-Z]|\d{1,2}|`[^`]+`)\b")
_NOTHING_OF_IT = re.compile(
    r"\b(?:nothing|not|don't|do not|discard\w*|ignor\w*|skip\w*|leave out|without"
    r"|niente|nulla|non|scart\w*|nessun\w*)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Idea:
    """One idea for a strategy; fields that were not told are empty."""

    name: str
    text: str
    indicators: tuple[str, ...] = ()
    entry: str = ""
    exit: str = ""
    risk: str = ""


@dataclass(frozen=True)
class Judgement:
    """What a model says of a strategy: a score from 0 to 10, whether it approves (None: not said), issues."""

    score: float
    approve: bool | None
    issues: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """A change of one parameter that an analysis proposes."""

    parameter: str
    before: Any
    after: Any
    reason: str


@dataclass(frozen=True)
class Analysis:
    """What a model reads in a backtest's result; an opinion."""

    diagnosis: str
    changes: tuple[Change, ...]


def ideas_in(answer: str) -> tuple[Idea, ...]:
    """Give the ideas of an answer, in order; none if it holds none."""
    spoken = spoken_text(answer)
    found = find_json(spoken)
    ideas = _ideas_of_json(found[0]) if found else ()
    return ideas or _ideas_of_prose(spoken)


def _ideas_of_json(value: Any) -> tuple[Idea, ...]:
    if isinstance(value, Mapping):
        lists = [each for each in value.values() if isinstance(each, list) and each]
        if "name" in value or not lists:
            lists = [[value]]
        value = max(lists, key=len)
    items = [_idea(each) for each in value[:MAX_ITEMS]] if isinstance(value, list) else []
    return tuple(idea for idea in items if idea is not None)


def _idea(value: Any) -> Idea | None:
    if isinstance(value, str) and len(value.split()) > 2:  # noqa: PLR2004 - a name alone is no idea
        name, rest = _named(value)
        return Idea(name, rest or value)
    if not isinstance(value, Mapping):
        return None
    words = {str(key).lower(): each for key, each in value.items()}
    name = _first(words, "name", "title", "nome", "titolo", "idea")
    text = _first(words, "description", "text", "descrizione", "logic", "summary")
    entry, leave = _first(words, "entry", "entries", "ingresso", "entrata"), _first(words, "exit", "exits", "uscita")
    risk = _first(words, "risk", "rischio", "stoploss", "stop_loss")
    indicators = words.get("indicators", words.get("indicatori", ()))
    listed = tuple(str(each) for each in indicators) if isinstance(indicators, list) else ()
    said = text or "; ".join(each for each in (entry, leave, risk) if each)
    if not name and not said:
        return None
    return Idea(name or " ".join(said.split()[:6]), said, listed, entry, leave, risk)


def _first(words: Mapping[str, Any], *keys: str) -> str:
    """Give the first of these that is there, as text."""
    for key in keys:
        value = words.get(key)
        if isinstance(value, list):
            return "; ".join(str(each) for each in value)[:MAX_TEXT_CHARACTERS]
        if value is not None and not isinstance(value, Mapping):
            return str(value).strip()[:MAX_TEXT_CHARACTERS]
    return ""


def _ideas_of_prose(text: str) -> tuple[Idea, ...]:
    """Give the items of the first numbered or bulleted list."""
    ideas: list[Idea] = []
    for line in text.split("\n"):
        found = _NUMBERED.match(line)
        depth = len(line) - len(line.lstrip())
        if found and (depth == 0 or not ideas):
            name, rest = _named(found["text"])
            ideas.append(Idea(name, rest))
        elif ideas and line.strip() and (depth or not ideas[-1].text):
            last = ideas[-1]
            ideas[-1] = Idea(last.name, f"{last.text} {line.strip().lstrip('-*• ')}".strip()[:MAX_TEXT_CHARACTERS])
    return tuple(ideas[:MAX_ITEMS])


def _named(text: str) -> tuple[str, str]:
    """Give the name of an idea and what is said of it."""
    found = _BOLD_NAME.match(text.strip())
    if found:
        return found["name"].strip(" *\"'`"), found["rest"].strip(" *")
    words = text.strip(" *").split()
    return " ".join(words[:6]).rstrip(".,;:"), text.strip(" *")


def judgement_in(answer: str) -> Judgement | None:
    """Give the judgement of an answer; None if it has no score from 0 to 10, or contradicts itself."""
    spoken = spoken_text(answer)
    found = find_json(spoken)
    if found and isinstance(found[0], Mapping) and any("score" in str(key).lower() for key in found[0]):
        return _judgement_of_json(found[0])
    return _judgement_of_prose(spoken)


def _judgement_of_json(value: Mapping[Any, Any]) -> Judgement | None:
    words = {str(key).lower(): each for key, each in value.items()}
    score = _score(words.get("score", next((each for key, each in words.items() if "score" in key), None)))
    said = words.get("approve", words.get("approved", words.get("accept")))
    approve = _yes_or_no(said)
    issues = words.get("issues", words.get("problems", words.get("weaknesses", ())))
    listed = tuple(str(each) for each in issues) if isinstance(issues, list) else (str(issues),) if issues else ()
    if score is None or (said is not None and approve is None):
        return None
    return _consistent(Judgement(score, approve, listed[:MAX_ITEMS]), " ".join(listed))


def _score(value: Any) -> float | None:
    """Give a score from 0 to 10; None of anything else."""
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d+(?:[.,]\d+)?)\s*(?:/\s*(10|100))?\s*", value)
        if found is None:
            return None
        value = float(found.group(1).replace(",", ".")) / (10 if found.group(2) == "100" else 1)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= MAX_SCORE else None


def _yes_or_no(value: Any) -> bool | None:
    word = str(value).strip().lower()
    return True if word in _YES else False if word in _NO else None


def _consistent(judgement: Judgement, text: str) -> Judgement | None:
    """Refuse a judgement whose words say the contrary of its score."""
    praises = judgement.score >= MAX_SCORE / 2 and judgement.approve is not False
    return None if praises and _SEVERE.search(text) else judgement


def _judgement_of_prose(text: str) -> Judgement | None:
    found = next(iter(_SCORE.finditer(text)), None)
    if found is None:
        return None
    number = float((found["score"] or found["plain"]).replace(",", "."))
    scale = int(found["scale"] or MAX_SCORE)
    score = number * MAX_SCORE / scale
    if score > MAX_SCORE:
        return None
    approve = False if _REFUSES.search(text) else True if _APPROVES.search(text) else None
    return _consistent(Judgement(score, approve, _issues_of_prose(text)), text)


def _issues_of_prose(text: str) -> tuple[str, ...]:
    """Give the issues: the sentence behind the word, or the list below it."""
    found = _ISSUES.search(text)
    if found is None:
        return ()
    sentence = found["text"].strip(" *")
    if sentence:
        return (re.split(r"(?<=[^\d])\.(?:\s|$)", sentence)[0].strip(" .*"),)
    issues = []
    for line in text[found.end() :].lstrip("\n").split("\n"):
        item = _BULLET.match(line)
        if item is None:
            break
        issues.append(item["text"].strip())
    return tuple(issues[:MAX_ITEMS])


def analysis_in(answer: str) -> Analysis | None:
    """Give the analysis of a result; None if the answer is neither a diagnosis nor a change."""
    spoken = spoken_text(answer).strip()
    found = find_json(spoken)
    if not found or not isinstance(found[0], Mapping):
        return Analysis(spoken[:MAX_TEXT_CHARACTERS], ()) if spoken and not found else None
    words = {str(key).lower(): each for key, each in found[0].items()}
    diagnosis = _first(words, "diagnosis", "analysis", "diagnosi", "analisi", "summary", "conclusion")
    listed: Any = next((each for key, each in words.items() if key in {"changes", "modifiche", "suggestions"}), [])
    proposed: list[Any] = listed if isinstance(listed, list) else []
    changes = [_change(each) for each in proposed[:MAX_ITEMS]]
    kept = tuple(change for change in changes if change is not None)
    return Analysis(diagnosis, kept) if diagnosis or kept else None


def _change(value: Any) -> Change | None:
    if not isinstance(value, Mapping):
        return None
    words = {str(key).lower(): each for key, each in value.items()}
    parameter = _first(words, "parameter", "name", "parametro")
    after = words.get("to", words.get("new", words.get("value")))
    if not parameter or after is None:
        return None
    return Change(parameter, words.get("from", words.get("old")), after, _first(words, "reason", "motivo", "why"))


def credits_in(answer: str) -> tuple[str, ...]:
    """Give the strategies from which a synthesis says that it took something, by the letters of the prompt."""
    text = re.split(r"```", spoken_text(answer))[0]
    credited: dict[str, None] = {}
    for clause in re.split(r"[.;\n]", text):
        names = [found["who"].strip("`") for found in _CREDIT.finditer(clause)]
        if names and not _NOTHING_OF_IT.search(clause):
            credited.update(dict.fromkeys(names))
    return tuple(credited)
