"""Ollama's failures, named by the reaction that is wanted."""

import json

import httpx
import ollama
import pydantic

from cfsm.application.ports import Misconfigured, TryAgain

GARBAGE_ERRORS = (json.JSONDecodeError, pydantic.ValidationError, AttributeError, TypeError, UnicodeDecodeError)
"""What the client raises when a line is not the JSON object it should be."""

REQUEST_ERRORS = (ollama.ResponseError, httpx.HTTPError, httpx.InvalidURL, ConnectionError, *GARBAGE_ERRORS)
"""Everything a request to Ollama can raise."""

MID_STREAM = -1
BAD_REQUEST = 400
UNAUTHORIZED = 401
FORBIDDEN = 403
NOT_FOUND = 404
TOO_MANY_REQUESTS = 429
UNAVAILABLE = 503


def reaction_to(error: Exception, url: str, model: str = "") -> TryAgain | Misconfigured:
    """Give the error to raise for what a request raised before an answer began."""
    if isinstance(error, ollama.ResponseError):
        return _reaction_to_status(error, url, model)
    if isinstance(error, GARBAGE_ERRORS):
        return Misconfigured(
            f"What answers at {url} does not speak Ollama's protocol ({type(error).__name__}). "
            "Set the address of an Ollama server."
        )
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return Misconfigured(f"{url} is not an address: {error}. Set one like http://127.0.0.1:11434.")
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | ConnectionError):
        return TryAgain(f"Ollama does not answer at {url}: start it (`ollama serve`), or set its address.")
    return TryAgain(f"The connection to Ollama at {url} failed: {type(error).__name__} {error}".rstrip())


def _reaction_to_status(error: ollama.ResponseError, url: str, model: str) -> TryAgain | Misconfigured:
    said = str(error.error).strip()
    status = error.status_code
    if status == NOT_FOUND and "not found" in said and model:
        return Misconfigured(f"Ollama at {url} has no model {model}: run `ollama pull {model}`, or name another.")
    if status in {BAD_REQUEST, NOT_FOUND}:
        return Misconfigured(f"Ollama at {url} refuses the request for {model or 'its models'}: {said}")
    if status in {UNAUTHORIZED, FORBIDDEN}:
        return Misconfigured(f"Ollama at {url} asks for authorisation: {said}")
    if status in {TOO_MANY_REQUESTS, UNAVAILABLE}:
        return TryAgain(f"Ollama at {url} is busy: {said}")
    if is_out_of_memory(said):
        return TryAgain(
            f"Ollama has no memory for {model}: {said}. Free some, choose a smaller model, or lower num_ctx."
        )
    return TryAgain(f"Ollama at {url} failed with status {status}: {said}")


def is_out_of_memory(said: str) -> bool:
    """Say whether the server's words mean that a model did not fit in memory."""
    words = said.lower()
    return any(
        phrase in words
        for phrase in (
            "system memory",
            "out of memory",
            "not enough memory",
            "insufficient memory",
            "failed to allocate",
            "allocation failed",
            "cudamalloc",
        )
    )
