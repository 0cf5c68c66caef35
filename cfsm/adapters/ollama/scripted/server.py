"""The server: Ollama's endpoints, scripted by a file: what each model says, and how it fails.

A script (YAML or JSON) names the models and, for each, its reactions in order; the last one repeats:

    version: "0.12.6"
    queue: 512                 # more requests waiting than this: 503
    parallel: 1                # requests that one model answers at the same time
    models:
      cogito:8b:
        size: 4920000000
        context_length: 131072
        can_think: true
        load_seconds: 0.0
        reactions:
          - say: "Certainly!"
          - when: "ideas"      # only if the prompt matches; such a reaction is not used up
            json: {"ideas": []}
          - say_file: answer.txt
            end: length

Keys of a reaction: ``say``, ``say_file`` (beside the script), ``json``, ``form`` (the JSON said under ``format``),
``thinking``; ``repeat`` (says it so many times over), ``megabytes`` (fills up to that size); ``pause`` (seconds between
pieces), ``wait`` (seconds before the first), ``piece`` (characters in each); ``status`` with ``error`` (an HTTP error
before the answer); ``unbounded`` (ignores num_predict and num_ctx);
``end``: ``stop``, ``length``, ``silent`` (the stream ends cleanly without ``done``), ``error`` (an error object in
mid-stream), ``drop`` (the connection breaks), ``garbage`` (a line that is not JSON), ``hang`` (silence for ever).
``<<20..60>>`` in what is said is a number drawn from the request's seed.
Under ``format`` only JSON is said: ``json``, ``form``, or else the smallest instance of the schema.

``GET /_fake/requests`` lists what was asked and how each ended. Paths, fields and error bodies are those of the
Ollama server of 2026.
"""

import asyncio
import contextlib
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import yaml

from cfsm.adapters.ollama.scripted.http import Body, LoopbackServer
from cfsm.adapters.ollama.scripted.script import Model, Reaction, Seen, moment
from cfsm.adapters.ollama.scripted.turn import Turn

BUSY = "server busy, please try again.  maximum pending requests exceeded"


class OllamaServer(LoopbackServer):
    """The server; ``await start()``, or ``run_in_thread()`` as a context manager. ``seen`` records the requests."""

    def __init__(self, script: Mapping[str, Any] | None = None, folder: str | Path = ".") -> None:
        super().__init__()
        script = script or {}
        self.version = str(script.get("version", "0.12.6"))
        self.queue = int(script.get("queue", 512))
        self.parallel = int(script.get("parallel", 1))
        self.folder = Path(folder)
        self.waiting = 0
        self.seen: list[Seen] = []
        self.models: dict[str, Model] = {}
        for name, written in (script.get("models") or {}).items():
            facts = dict(written or {})
            reactions = [Reaction(**reaction) for reaction in facts.pop("reactions", [])]
            full = name if ":" in name else f"{name}:latest"
            self.models[full] = Model(full, reactions, **facts)
            self.models[full].slots = asyncio.Semaphore(self.parallel)
        self.routes = {
            ("GET", "/"): self._hello,
            ("GET", "/api/version"): self._version,
            ("GET", "/api/tags"): self._tags,
            ("GET", "/api/ps"): self._ps,
            ("GET", "/_fake/requests"): self._requests,
            ("POST", "/api/show"): self._show,
            ("POST", "/api/chat"): self._watched,
            ("POST", "/api/generate"): self._watched,
        }

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Give the server of a script's file. Raise OSError, or ValueError for what is no script."""
        path = Path(path)
        try:
            return cls(yaml.safe_load(path.read_text(encoding="utf-8")), path.parent)
        except (yaml.YAMLError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} is no script of models: {error}") from error

    async def _watched(self, reader: StreamReader, writer: StreamWriter, path: str, body: Body) -> bool:
        """Answer, and stop as soon as the client goes away."""
        seen = Seen(path, body)
        self.seen.append(seen)
        work = asyncio.ensure_future(self._generate(writer, seen))
        gone = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                work.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await work
                seen.ended = "cancelled"
                return False
            try:
                return work.result()
            except ConnectionError:
                seen.ended = "cancelled"
                return False
        finally:
            gone.cancel()
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gone

    # -- what it tells of itself -----------------------------------------------------------------

    async def _hello(self, reader: StreamReader, writer: StreamWriter, path: str, body: Body) -> bool:  # noqa: ARG002
        return await self.answer(writer, 200, "Ollama is running")

    async def _version(self, reader: StreamReader, writer: StreamWriter, path: str, body: Body) -> bool:  # noqa: ARG002
        return await self.answer(writer, 200, {"version": self.version})

    async def _requests(self, reader: StreamReader, writer: StreamWriter, path: str, body: Body) -> bool:  # noqa: ARG002
        return await self.answer(writer, 200, [asdict(seen) for seen in self.seen])

    async def _tags(self, reader: StreamReader, writer: StreamWriter, path: str, body: Body) -> bool:  # noqa: ARG002
        models = [
            {
                "name": model.name,
                "model": model.name,
                "modified_at": "2026-10-01T08:00:00.000000Z",
                "size": model.size,
                "digest": model.digest,
                "details": model.details,
            }
            for model in self.models.values()
        ]
        return await self.answer(writer, 200, {"models": models})

    async def _ps(self, reader: StreamReader, writer: StreamWriter, path: str, body: Body) -> bool:  # noqa: ARG002
        now = time.time()
        models = [
            {
                "name": model.name,
                "model": model.name,
                "size": self._memory(model),
                "digest": model.digest,
                "details": model.details,
                "expires_at": moment(model.expires_at),
                "size_vram": 0,
                "context_length": model.loaded_context,
            }
            for model in self.models.values()
            if model.loaded_context and model.expires_at > now
        ]
        return await self.answer(writer, 200, {"models": models})

    def _memory(self, model: Model) -> int:
        cache = 2 * 2 * model.layers * model.heads * model.head_length * model.loaded_context
        return model.size + cache

    async def _show(self, reader: StreamReader, writer: StreamWriter, path: str, body: Body) -> bool:  # noqa: ARG002
        name = body.get("model") or body.get("name") or ""
        if not name:
            return await self.answer(writer, 400, {"error": "model is required"})
        model = self._find(name)
        if model is None:
            return await self.answer(writer, 404, {"error": f"model '{name}' not found"})
        capabilities = ["completion", "thinking"] if model.can_think else ["completion"]
        return await self.answer(
            writer,
            200,
            {
                "license": "",
                "modelfile": f"FROM {model.name}",
                "parameters": "",
                "template": "{{ .Prompt }}",
                "details": model.details,
                "model_info": {
                    "general.architecture": model.family,
                    f"{model.family}.block_count": model.layers,
                    f"{model.family}.context_length": model.context_length,
                    f"{model.family}.attention.head_count": model.heads * 4,
                    f"{model.family}.attention.head_count_kv": model.heads,
                    f"{model.family}.attention.key_length": model.head_length,
                    f"{model.family}.attention.value_length": model.head_length,
                },
                "capabilities": capabilities,
                "modified_at": "2026-10-01T08:00:00.000000Z",
            },
        )

    def _find(self, name: str) -> Model | None:
        full = name if ":" in name else f"{name}:latest"
        return next((model for known, model in self.models.items() if known.lower() == full.lower()), None)

    # -- answers ---------------------------------------------------------------------------------

    async def _generate(self, writer: StreamWriter, seen: Seen) -> bool:
        """Answer /api/chat or /api/generate; give whether the connection may be used again."""
        body = seen.body
        name = body.get("model") or ""
        model = self._find(name)
        seen.ended = "failed"
        if not name:
            return await self.answer(writer, 400, {"error": "model is required"})
        if model is None:
            return await self.answer(writer, 404, {"error": f"model '{name}' not found"})
        if body.get("think") and not model.can_think:
            return await self.answer(writer, 400, {"error": f'"{name}" does not support thinking'})
        turn = Turn(self, self.folder, writer, seen, model)
        if not turn.prompt:
            seen.ended = "answered"
            return await turn.load_only()
        if self.waiting >= self.queue:
            return await self.answer(writer, 503, {"error": BUSY})
        seen.ended = "running"
        self.waiting += 1
        try:
            await model.slots.acquire()
        finally:
            self.waiting -= 1
        try:
            return await turn.take()
        finally:
            model.slots.release()
