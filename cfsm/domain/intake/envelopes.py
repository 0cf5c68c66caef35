"""Takes answers out of what programs keep them in: replies of model servers, streamed or whole, and sets of answers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_CUT = frozenset({"length", "max_tokens"})
_ANSWER_FIELDS = ("completion", "response", "answer", "output", "generated_text", "content", "text")
_NAME_FIELDS = ("class_name", "strategy_name")
_NO_OBJECTS = frozenset({"", "data: [DONE]", "data:[DONE]"})
_PIECES_AT_LEAST = 2
"""Lines of a stream; a single reply is one object."""


@dataclass(frozen=True)
class Kept:
    """One answer as it was kept.

    ``class_name`` is what it was to be called, ``is_cut`` that its end is missing, ``line`` where it stands in a set
    (from 1, 0 where the file holds one answer), ``how`` in what it was kept (empty: as plain text).
    """

    answer: str
    class_name: str = ""
    is_cut: bool = False
    line: int = 0
    how: str = ""


def kept_answers(text: str) -> tuple[Kept, ...]:
    """Give the answers in a file's text: the text itself, unless it is a server's reply, a stream or a set of them."""
    if text.lstrip()[:1] not in {"{", "[", "d"}:
        return (Kept(text),)
    whole = _json(text)
    if whole is not None:
        return (_reply(whole) or Kept(text),)
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    values = [(number, _json(line.removeprefix("data:"))) for number, line in lines if line not in _NO_OBJECTS]
    objects = [(number, value) for number, value in values if isinstance(value, Mapping)]
    if len(objects) < _PIECES_AT_LEAST or len(objects) < len(values):
        return (Kept(text),)
    return _stream([value for _, value in objects]) or tuple(_set(objects)) or (Kept(text),)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _reply(value: Any) -> Kept | None:
    """Give the answer in one reply of a server, or the last one of a conversation."""
    if isinstance(value, list):
        said = [each for each in value if isinstance(each, Mapping) and each.get("role") == "assistant"]
        return Kept(str(said[-1].get("content") or ""), how="conversation") if said else None
    if not isinstance(value, Mapping):
        return None
    piece = _piece(value)
    if piece is not None:
        return Kept(piece, is_cut=_is_cut(value), how="reply")
    messages = value.get("messages")
    return _reply(messages) if isinstance(messages, list) else None


def _piece(value: Mapping[str, Any]) -> str | None:
    """Give what a server's object says: Ollama's, OpenAI's, Anthropic's; None for any other object."""
    if "model" in value and isinstance(value.get("response"), str):
        return str(value["response"])
    holder = value
    choices = value.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        holder = choices[0]
        if isinstance(holder.get("text"), str):
            return str(holder["text"])
    message = holder.get("message") or holder.get("delta")
    if isinstance(message, Mapping) and ("model" in value or holder is not value):
        content = message.get("content")
        return content if isinstance(content, str) else "" if "choices" in value else None
    parts = value.get("content")
    if value.get("type") == "message" and isinstance(parts, list):
        return "".join(str(part.get("text") or "") for part in parts if isinstance(part, Mapping))
    return None


def _is_cut(value: Mapping[str, Any]) -> bool:
    choices = value.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], Mapping) else {}
    reasons = {value.get("done_reason"), value.get("stop_reason"), first.get("finish_reason")}
    return bool(reasons & _CUT)


def _stream(objects: Sequence[Mapping[str, Any]]) -> tuple[Kept, ...]:
    """Give the one answer of a stream's pieces; nothing if they are no stream. Without an end it is cut."""
    pieces = [_piece(each) for each in objects]
    if any(piece is None for piece in pieces) or not any(_is_part(each) for each in objects):
        return ()
    ended = any(each.get("done") is True or _finished(each) for each in objects)
    is_cut = not ended or any(map(_is_cut, objects))
    return (Kept("".join(piece or "" for piece in pieces), is_cut=is_cut, how="stream"),)


def _is_part(value: Mapping[str, Any]) -> bool:
    choices = value.get("choices")
    return value.get("done") is False or (isinstance(choices, list) and any("delta" in each for each in choices))


def _finished(value: Mapping[str, Any]) -> bool:
    choices = value.get("choices")
    return isinstance(choices, list) and any(each.get("finish_reason") for each in choices)


def _set(objects: Sequence[tuple[int, Mapping[str, Any]]]) -> Iterator[Kept]:
    """Give the answers of a file that has one on each line, whatever else the line says."""
    for number, value in objects:
        reply = _reply(value)
        said = [value[name] for name in _ANSWER_FIELDS if isinstance(value.get(name), str)]
        if reply is None and not said:
            continue
        names = [value[name] for name in _NAME_FIELDS if isinstance(value.get(name), str)]
        answer = reply.answer if reply is not None else said[0]
        is_cut = reply.is_cut if reply is not None else _is_cut(value)
        yield Kept(answer, next(iter(names), ""), is_cut, number, "set")
