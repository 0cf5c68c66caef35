"""Reads the blueprint in a raw answer."""

from collections.abc import Mapping
from dataclasses import dataclass

from cfsm.domain.blueprint import Blueprint, NotABlueprint, read_blueprint
from cfsm.domain.evaluation import Finding
from cfsm.domain.intake.extraction import spoken_text
from cfsm.domain.intake.json_text import find_json
from cfsm.domain.intake.reasons import because, no_code

FILL_AGAIN = "Correct the field and fill the form again."


@dataclass(frozen=True)
class BlueprintTaken:
    """The blueprint of an answer, or findings that say why there is none. ``is_strict`` tells plain JSON."""

    blueprint: Blueprint | None
    findings: tuple[Finding, ...]
    is_strict: bool = False


def take_in_blueprint(answer: str) -> BlueprintTaken:
    """Give the blueprint in an answer: in JSON, in nearly JSON, with text or thoughts around it."""
    spoken = spoken_text(answer)
    found = find_json(spoken)
    if found is None or not isinstance(found[0], Mapping):
        missing = no_code(spoken, answer, is_loop=False, has_json=False, steps=())
        finding = missing if missing.code in {"NO_ANSWER", "REFUSED", "ONLY_THOUGHTS"} else _no_json()
        return BlueprintTaken(None, (finding,))
    filled, is_strict = found
    try:
        return BlueprintTaken(read_blueprint(_unwrapped(filled)), (), is_strict)
    except NotABlueprint as error:
        faults = tuple(Finding("BLUEPRINT_FAULT", str(fault), None, FILL_AGAIN) for fault in error.faults)
        return BlueprintTaken(None, faults, is_strict)


def _no_json() -> Finding:
    return because("NO_CODE", "The answer holds no JSON object")


def _unwrapped(filled: Mapping[str, object]) -> Mapping[str, object]:
    """Give the form itself where a model put it into an object of one field (``{"strategy": {…}}``)."""
    inner = next(iter(filled.values()), None)
    return inner if len(filled) == 1 and isinstance(inner, Mapping) else filled
