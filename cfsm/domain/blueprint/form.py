"""The form itself: its JSON schema, and reading a filled one, with all faults at once."""

import keyword
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cfsm.domain.blueprint.checking import Checked, Scope
from cfsm.domain.blueprint.functions import ALIASES, COLUMNS, FUNCTIONS, Kind
from cfsm.domain.blueprint.language import MAX_CHARACTERS, ExpressionError, parse

TIMEFRAMES = ("5m", "15m", "30m", "1h", "4h")
MAX_INDICATORS = 10
MAX_PARAMETERS = 6
MAX_ROI_STEPS = 5
MAX_STARTUP_CANDLES = 999
"""What one request to an exchange gives; more would slow the start of every bot."""

MIN_STARTUP_CANDLES = 20
MIN_STOPLOSS, MAX_STOPLOSS = -0.5, -0.003
MAX_LEVERAGE = 10
MAX_ROI_MINUTES = 60 * 24 * 30
MAX_ROI = 10
CONDITIONS = ("enter_long", "enter_short", "exit_long", "exit_short")
RESERVED = {"date", "enter_tag", "exit_tag", *CONDITIONS, *COLUMNS, *FUNCTIONS, *ALIASES, *keyword.kwlist}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")


@dataclass(frozen=True)
class Fault:
    """What is wrong with a filled form: the field, the column in its text (0 for the whole), and what to do."""

    field: str
    column: int
    message: str

    def __str__(self) -> str:
        place = f"{self.field}, column {self.column}" if self.column else self.field
        return f"{place}: {self.message}"


class NotABlueprint(Exception):
    """A filled form has faults; all of them are told."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True)
class Parameter:
    """A number that hyperopt may move between low and high."""

    name: str
    low: float
    high: float
    default: float

    @property
    def is_whole(self) -> bool:
        """Say whether it moves in whole numbers."""
        return all(float(value).is_integer() for value in (self.low, self.high, self.default))


@dataclass(frozen=True)
class Blueprint:
    """A checked form. Conditions that were left empty are None; ``minimal_roi`` maps minutes to profit."""

    idea: str
    timeframe: str
    indicators: Mapping[str, Checked]
    parameters: tuple[Parameter, ...]
    enter_long: Checked | None
    enter_short: Checked | None
    exit_long: Checked | None
    exit_short: Checked | None
    minimal_roi: Mapping[int, float]
    stoploss: float
    leverage: float

    @property
    def can_short(self) -> bool:
        """Say whether it goes short."""
        return self.enter_short is not None

    @property
    def startup_candle_count(self) -> int:
        """Give how many candles the slowest of its expressions needs."""
        conditions = (self.enter_long, self.enter_short, self.exit_long, self.exit_short)
        used = [*self.indicators.values(), *(each for each in conditions if each is not None)]
        return max(MIN_STARTUP_CANDLES, min(max(each.warm_up for each in used), MAX_STARTUP_CANDLES))


def schema() -> dict[str, Any]:
    """Give the form as a JSON schema: short and flat, in the order in which a model should think."""
    condition = {"type": "string", "maxLength": 300}
    number = {"type": "number"}
    properties = {
        "idea": {"type": "string", "maxLength": 200},
        "timeframe": {"type": "string", "enum": list(TIMEFRAMES)},
        "indicators": {
            "type": "array",
            "maxItems": MAX_INDICATORS,
            "items": {"type": "string", "maxLength": 80},
        },
        "parameters": {
            "type": "array",
            "maxItems": MAX_PARAMETERS,
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "maxLength": 30},
                    "low": number,
                    "high": number,
                    "default": number,
                },
                "required": ["name", "low", "high", "default"],
            },
        },
        **dict.fromkeys(CONDITIONS, condition),
        "minimal_roi": {
            "type": "array",
            "maxItems": MAX_ROI_STEPS,
            "items": {
                "type": "object",
                "properties": {"minutes": {"type": "integer"}, "profit": number},
                "required": ["minutes", "profit"],
            },
        },
        "stoploss": {"type": "number", "minimum": MIN_STOPLOSS, "maximum": MAX_STOPLOSS},
        "leverage": {"type": "number", "minimum": 1, "maximum": MAX_LEVERAGE},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def read_blueprint(filled: Mapping[str, Any]) -> Blueprint:
    """Give the blueprint of a filled form. Raise NotABlueprint with all its faults.

    Forms that small models write without the schema are understood where the meaning is plain: a list of
    conditions (all must hold), indicators as a mapping, ROI as Freqtrade's mapping.
    """
    return _Reader(filled).read()


class _Reader:
    """Reads the fields one after the other and collects the faults."""

    def __init__(self, filled: Mapping[str, Any]) -> None:
        self._filled = filled
        self._faults: list[Fault] = []

    def read(self) -> Blueprint:
        parameters = self._parameters()
        scope = Scope({each.name: each for each in parameters})
        self._indicators(scope)
        conditions = {field: self._condition(field, scope) for field in CONDITIONS}
        if conditions["enter_long"] is None and conditions["enter_short"] is None and not self._faults:
            self._fault("enter_long", "neither enter_long nor enter_short says when to enter: fill one")
        blueprint = Blueprint(
            idea=str(self._filled.get("idea") or "").strip()[:300],
            timeframe=self._timeframe(),
            indicators=scope.indicators,
            parameters=parameters,
            minimal_roi=self._roi(),
            stoploss=self._number("stoploss", MIN_STOPLOSS, MAX_STOPLOSS, -0.05, _negative),
            leverage=self._number("leverage", 1, MAX_LEVERAGE, 1.0),
            **conditions,
        )
        if self._faults:
            raise NotABlueprint(self._faults)
        return blueprint

    def _fault(self, field: str, message: str, column: int = 0) -> None:
        self._faults.append(Fault(field, column, message))

    def _name(self, field: str, value: object, taken: Mapping[str, object]) -> str | None:
        name = str(value).strip().lower()
        if not _NAME.fullmatch(name):
            self._fault(field, f"{name!r} is no name: letters, digits and _ only, a letter first")
        elif name in RESERVED or name in taken:
            self._fault(field, f"the name {name!r} is taken: choose another")
        else:
            return name
        return None

    def _timeframe(self) -> str:
        value = str(self._filled.get("timeframe", "")).strip().lower()
        if value not in TIMEFRAMES:
            self._fault("timeframe", f"{value!r} is not one of {', '.join(TIMEFRAMES)}")
        return value

    def _number(
        self, field: str, low: float, high: float, default: float, mend: Callable[[float], float] = float
    ) -> float:
        value = self._filled.get(field, default)
        number = _as_number(value)
        if number is None or not low <= mend(number) <= high:
            self._fault(field, f"lies from {low:g} to {high:g}, not {value!r}")
            return default
        return mend(number)

    def _parameters(self) -> tuple[Parameter, ...]:
        given = self._filled.get("parameters") or []
        if isinstance(given, Mapping):
            given = [{"name": name, **facts} for name, facts in given.items() if isinstance(facts, Mapping)]
        read: dict[str, Parameter] = {}
        for number, each in enumerate(given if isinstance(given, list) else []):
            field = f"parameters[{number}]"
            values = [_as_number(each.get(key)) for key in ("low", "high", "default")] if _is_map(each) else []
            name = self._name(field, each.get("name", ""), read) if _is_map(each) else None
            if not values or None in values:
                self._fault(field, "needs name, low, high and default, the last three as numbers")
            elif name is not None:
                low, high, default = (value for value in values if value is not None)
                if low < high and low <= default <= high:
                    read[name] = Parameter(name, low, high, default)
                else:
                    self._fault(field, f"low {low:g} < high {high:g} with default {default:g} between is wanted")
        if len(read) > MAX_PARAMETERS:
            self._fault("parameters", f"more than {MAX_PARAMETERS}: leave the least important out")
        return tuple(read.values())

    def _indicators(self, scope: Scope) -> None:
        given = self._filled.get("indicators") or []
        if isinstance(given, Mapping):
            given = [f"{name} = {expression}" for name, expression in given.items()]
        if not isinstance(given, list):
            given = [given]
        if len(given) > MAX_INDICATORS:
            self._fault("indicators", f"more than {MAX_INDICATORS}: leave some out")
        for number, each in enumerate(given[:MAX_INDICATORS]):
            field = f"indicators[{number}]"
            text = f"{each.get('name')} = {each.get('expression')}" if _is_map(each) else str(each)
            before, equals, expression = text.partition("=")
            if not equals:
                self._fault(field, "is written `name = expression`")
                continue
            name = self._name(field, before, {**scope.parameters, **scope.indicators})
            checked = self._expression(field, expression, scope, len(before) + 1)
            if name is None or checked is None:
                continue
            if checked.kind is Kind.NUMBER:
                self._fault(field, "never changes: make it a parameter")
            else:
                scope.indicators[name] = checked

    def _condition(self, field: str, scope: Scope) -> Checked | None:
        value = self._filled.get(field) or ""
        if isinstance(value, list):
            value = " and ".join(f"({part})" for part in value if str(part).strip())
        text = str(value)
        if text.strip().lower() in {"", "none", "null", "false", "never", "-", "n/a"}:
            return None
        checked = self._expression(field, text, scope, 0)
        if checked is not None and checked.kind is not Kind.CONDITION:
            self._fault(field, "is a value, not a condition: compare it with something", 1)
        return checked

    def _expression(self, field: str, text: str, scope: Scope, offset: int) -> Checked | None:
        if len(text) > MAX_CHARACTERS:
            self._fault(field, f"longer than {MAX_CHARACTERS} characters: make it shorter")
            return None
        try:
            return scope.check(parse(text))
        except ExpressionError as error:
            self._fault(field, error.message, offset + error.column)
            return None

    def _roi(self) -> dict[int, float]:
        given = self._filled.get("minimal_roi") or []
        if isinstance(given, Mapping):
            given = [{"minutes": minutes, "profit": profit} for minutes, profit in given.items()]
        steps: dict[int, float] = {}
        for number, each in enumerate(given if isinstance(given, list) else []):
            minutes = _as_number(each.get("minutes")) if _is_map(each) else None
            profit = _as_number(each.get("profit")) if _is_map(each) else None
            if minutes is None or profit is None or not 0 <= minutes <= MAX_ROI_MINUTES or not 0 <= profit <= MAX_ROI:
                self._fault(f"minimal_roi[{number}]", "needs minutes (0 or more) and profit (0.01 is one percent)")
            else:
                steps[int(minutes)] = profit
        return dict(sorted(steps.items()))


def _is_map(value: object) -> bool:
    return isinstance(value, Mapping)


def _as_number(value: object) -> float | None:
    """Give a number, also of one that was written as text; None of anything else."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]  # whatever it is, float says whether it can
    except (TypeError, ValueError):
        return None
    return number if abs(number) < 1e12 else None  # noqa: PLR2004 - beyond every price and count; NaN too


def _negative(value: float) -> float:
    """Read a stoploss of 0.05 as -0.05: only one of them can be meant."""
    return -abs(value)
