"""Renders a blueprint as a Freqtrade strategy, correct by construction. Pure text: nothing is run here."""

from cfsm.adapters.blueprint.rendering import render

__all__ = ["render"]
