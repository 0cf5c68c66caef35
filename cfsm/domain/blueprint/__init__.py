"""The blueprint: a strategy as a short flat form that a small model can fill; we render the class from it.

The language of its expressions, the catalogue of functions, reading and checking. No code is written here.
"""

from cfsm.domain.blueprint.form import Blueprint, Fault, NotABlueprint, Parameter, read_blueprint, schema

__all__ = ["Blueprint", "Fault", "NotABlueprint", "Parameter", "read_blueprint", "schema"]
