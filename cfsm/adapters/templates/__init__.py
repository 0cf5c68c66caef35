"""Predefined families of strategies: good Freqtrade code with parameters drawn from a seed; no model takes part."""

from cfsm.adapters.templates.rendering import FAMILIES, RenderedStrategy, render

__all__ = ["FAMILIES", "RenderedStrategy", "render"]
