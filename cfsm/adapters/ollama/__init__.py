"""Talks to Ollama: asks models, tells which there are and how fast. Always streaming, always under limits."""

from cfsm.adapters.ollama.client import OllamaModels

__all__ = ["OllamaModels"]
