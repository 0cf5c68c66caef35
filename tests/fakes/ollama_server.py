"""The scripted server that the package ships, under the name that tests know; as a program it is `cfsm models serve`."""

from cfsm.adapters.ollama.scripted.server import BUSY, OllamaServer

__all__ = ["BUSY", "OllamaServer"]
