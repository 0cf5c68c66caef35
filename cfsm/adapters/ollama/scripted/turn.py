"""One answer of the server: from the prompt to the stream's end, as the script's reaction wants it."""

import asyncio
import json
import random
import re
import time
from asyncio import StreamWriter
from pathlib import Path
from typing import Any

from cfsm.adapters.ollama.scripted.http import LoopbackServer
from cfsm.adapters.ollama.scripted.script import (
    Model,
    Reaction,
    Seen,
    cut_to,
    is_json,
    keep_alive_seconds,
    limited,
    moment,
    smallest,
    tokens,
)

DEFAULT_CONTEXT = 4096
FOR_EVER = 10**9
HTTP_OK = 200
KILLED = "an error was encountered while running the model: signal: killed"


class Turn:
    """Takes one turn of a conversation on a writer."""

    def __init__(self, server: LoopbackServer, folder: Path, writer: StreamWriter, seen: Seen, model: Model) -> None:
        self.server = server
        self.folder = folder
        self.writer = writer
        self.seen = seen
        self.model = model
        self.body = seen.body
        self.is_chat = seen.path.endswith("chat")
        self.options = self.body.get("options") or {}
        self.keep_alive = keep_alive_seconds(self.body.get("keep_alive"))
        said = [each.get("content") or "" for each in self.body.get("messages") or []]
        self.prompt = "\n".join([self.body.get("system") or "", *said, self.body.get("prompt") or ""]).strip()

    async def load_only(self) -> bool:
        """Answer a request without a prompt: it loads the model, or unloads it with keep_alive 0."""
        is_unload = self.keep_alive == 0
        self._hold(0 if is_unload else self.options.get("num_ctx", DEFAULT_CONTEXT))
        end = {"done": True, "done_reason": "unload" if is_unload else "load"}
        return await self.server.answer(self.writer, 200, self._part() | end)

    async def take(self) -> bool:
        """Answer; give whether the connection may be used again."""
        started = time.monotonic()
        context = min(self.options.get("num_ctx", DEFAULT_CONTEXT), self.model.context_length)
        reaction = self.model.reaction(self.prompt)
        self.seen.prompt = cut_to(self.prompt, context)
        self.seen.prompt_tokens = tokens(self.seen.prompt)
        if reaction.status != HTTP_OK:
            self.seen.ended = "failed"
            return await self.server.answer(self.writer, reaction.status, {"error": reaction.error})
        if self.model.loaded_context != context or self.model.expires_at < time.time():
            await asyncio.sleep(self.model.load_seconds)
        load_seconds = time.monotonic() - started
        self._hold(context)

        room = FOR_EVER if reaction.unbounded else self._room(context)
        pieces, is_cut = limited(self._text(reaction), room)
        end = "length" if is_cut and reaction.end == "stop" else reaction.end
        metrics = self._metrics(started, load_seconds, len(pieces))
        text = "".join(pieces)
        if self.body.get("stream", True):
            await self._stream(reaction, text)
            may_go_on = await self._end(reaction, end, metrics)
        else:
            self.seen.sent_characters = len(text)
            whole = self._part(text) | {"done": True, "done_reason": end} | metrics
            may_go_on = await self.server.answer(self.writer, 200, whole)
        self.seen.ended = "answered" if end in {"stop", "length"} else "failed"
        if self.keep_alive == 0:
            self._hold(0)
        return may_go_on

    def _hold(self, context: int) -> None:
        self.model.loaded_context = context
        self.model.expires_at = time.time() + (self.keep_alive if self.keep_alive > 0 else FOR_EVER)

    def _room(self, context: int) -> int:
        """Give how many tokens the answer may have."""
        predicted: int = self.options.get("num_predict", -1)
        left = context - self.seen.prompt_tokens
        return min(predicted, left) if predicted >= 0 else left

    def _text(self, reaction: Reaction) -> str:
        text = reaction.say
        if reaction.say_file:
            text = (self.folder / reaction.say_file).read_text(encoding="utf-8")
        if reaction.json is not None:
            text = json.dumps(reaction.json)
        if self.body.get("format") and not is_json(text):  # a grammar lets nothing else through
            schema = self.body["format"] if isinstance(self.body["format"], dict) else {"type": "object"}
            text = json.dumps(smallest(schema) if reaction.form is None else reaction.form)
        text = self._drawn(text) * reaction.repeat
        size = int(reaction.megabytes * 1_000_000)
        return (text * (size // max(len(text), 1) + 1))[:size] if size else text

    def _drawn(self, text: str) -> str:
        """Draw the numbers that a text leaves to the seed: ``<<20..60>>`` is one between 20 and 60."""
        draw = random.Random(f"{self.options.get('seed', 0)} {self.model.name}")
        return re.sub(r"<<(\d+)\.\.(\d+)>>", lambda found: str(draw.randint(int(found[1]), int(found[2]))), text)

    def _metrics(self, started: float, load_seconds: float, answer_tokens: int) -> dict[str, int]:
        return {
            "total_duration": int((time.monotonic() - started) * 1e9),
            "load_duration": int(load_seconds * 1e9),
            "prompt_eval_count": self.seen.prompt_tokens,
            "prompt_eval_duration": 1_000_000 * max(self.seen.prompt_tokens, 1),
            "eval_count": answer_tokens,
            "eval_duration": 20_000_000 * max(answer_tokens, 1),
        }

    def _part(self, content: str = "", thinking: str = "") -> dict[str, Any]:
        """Give one object of the stream, in the shape of the endpoint."""
        thought = {"thinking": thinking} if thinking else {}
        said: dict[str, Any] = (
            {"message": {"role": "assistant", "content": content} | thought}
            if self.is_chat
            else {"response": content} | thought
        )
        return {"model": self.body["model"], "created_at": moment(time.time())} | said | {"done": False}

    async def _stream(self, reaction: Reaction, text: str) -> None:
        await self.server.begin_stream(self.writer, "application/x-ndjson")
        await asyncio.sleep(reaction.wait)
        may_think = self.model.can_think and self.body.get("think") is not False
        thinking = reaction.thinking if may_think else ""
        for start in range(0, len(thinking), reaction.piece):
            await self._send(self._part(thinking=thinking[start : start + reaction.piece]))
            await asyncio.sleep(reaction.pause)
        for start in range(0, len(text), reaction.piece):
            piece = text[start : start + reaction.piece]
            await self._send(self._part(piece))
            self.seen.sent_characters += len(piece)
            await asyncio.sleep(reaction.pause)

    async def _send(self, value: object) -> None:
        await self.server.chunk(self.writer, json.dumps(value).encode() + b"\n")

    async def _end(self, reaction: Reaction, end: str, metrics: dict[str, int]) -> bool:
        """End the stream as the script wants; give whether the connection may be used again."""
        if end == "hang":
            await asyncio.Event().wait()
        if end == "drop":
            self.writer.transport.abort()
            return False
        if end == "garbage":
            await self.server.chunk(self.writer, b"<html>502 Bad Gateway</html>\n")
        if end == "error":
            await self._send({"error": reaction.error or KILLED})
        if end in {"stop", "length"}:
            await self._send(self._part() | {"done": True, "done_reason": end} | metrics)
        await self.server.chunk(self.writer, b"")
        return True
