"""The JSON schemas of answers that are no strategy: ideas, an agreed idea, a choice, an analysis. Short and flat."""

from collections.abc import Mapping
from typing import Any

_LINE: Mapping[str, Any] = {"type": "string", "maxLength": 300}


def _form(**properties: Any) -> Mapping[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(items: Mapping[str, Any], most: int, fewest: int = 0) -> Mapping[str, Any]:
    return {"type": "array", "minItems": fewest, "maxItems": most, "items": items}


CHOICE = _form(best={"type": "string", "maxLength": 1}, reason=_LINE)
IDEA = _form(
    name={"type": "string", "maxLength": 60},
    indicators=_list({"type": "string", "maxLength": 40}, 6),
    entry=_LINE,
    exit=_LINE,
    risk=_LINE,
)
IDEAS = _form(ideas=_list(IDEA, 3, fewest=1))
_CHANGE = _form(
    **{
        "parameter": {"type": "string", "maxLength": 40},
        "from": {"type": "number"},
        "to": {"type": "number"},
        "reason": _LINE,
    }
)
ANALYSIS = _form(diagnosis=_LINE, changes=_list(_CHANGE, 3))
