"""A loopback server that speaks Ollama's protocol and says what a script holds: for demonstrations and for tests.

No model is behind it. What it says is canned, so the scripts that are shipped name their models as what they are.
"""

from cfsm.adapters.ollama.scripted.server import OllamaServer

__all__ = ["OllamaServer"]
