"""The whole of the text part: a raw answer, or any file, becomes source that is worth running, or findings."""

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cfsm.domain.evaluation import Finding
from cfsm.domain.intake import (
    attributes,
    callbacks,
    frames,
    idioms,
    imports,
    indicators,
    interface,
    masks,
    outputs,
    signals,
    ta_library,
)
from cfsm.domain.intake.code import Code, Wanted, assigned_columns, column_of, constant, is_self
from cfsm.domain.intake.extraction import Extraction, extract
from cfsm.domain.intake.known import STRATEGY_ATTRIBUTES
from cfsm.domain.intake.layout import mend_layout
from cfsm.domain.intake.loops import loop_start
from cfsm.domain.intake.reasons import because
from cfsm.domain.intake.repair import Repair
from cfsm.domain.intake.torn import TooDeep, torn

MAX_CHARACTERS = 400_000
MAX_SOURCE_CHARACTERS = 200_000
MAX_PASSES = 3

Mender = Callable[[Code], list[Repair]]

MENDERS: tuple[Mender, ...] = (
    interface.indent_methods,
    interface.drop_main_block,
    interface.fix_base_class,
    imports.fix_import_paths,
    imports.json_words,
    ta_library.talib_for_ta,
    imports.fix_indicator_library,
    imports.qualify_functions,
    imports.spell_indicators,
    interface.v2_to_v3,
    interface.rename_methods,
    interface.join_methods,
    interface.self_of_methods,
    frames.columns_by_attribute,
    interface.rename_signal_columns,
    signals.sides_of_signal,
    callbacks.fix_populate_signatures,
    callbacks.fix_callback_signatures,
    callbacks.fix_trade_attributes,
    callbacks.fix_init,
    interface.name_of_frame,
    frames.keep_rows,
    interface.add_return,
    callbacks.confirm_by_default,
    interface.add_missing_methods,
    callbacks.leverage_to_method,
    callbacks.parameter_words,
    callbacks.parameter_arguments,
    interface.add_self,
    callbacks.add_parameter_value,
    idioms.numpy_names,
    idioms.fill_methods,
    idioms.writable_arrays,
    idioms.pandas_names,
    idioms.frequencies,
    idioms.times_of_index,
    masks.comparison_to_assignment,
    masks.parenthesise_comparisons,
    masks.missing_loc,
    masks.crossing_methods,
    masks.where_for_choices,
    masks.masks_for_branches,
    masks.chains_of_comparisons,
    signals.joined_conditions,
    masks.truth_of_columns,
    idioms.chained_assignments,
    idioms.inplace_on_columns,
    signals.values_of_signals,
    indicators.series_for_qtpylib,
    outputs.candles_of_indicators,
    indicators.settings_of_indicators,
    indicators.series_of_outputs,
    indicators.unpacked_outputs,
    outputs.one_of_outputs,
    indicators.names_of_outputs,
    attributes.timeframe,
    attributes.stoploss,
    attributes.minimal_roi,
    attributes.flags,
    attributes.can_short,
    attributes.trailing_ratios,
    attributes.trailing_stop,
    attributes.order_settings,
    attributes.startup_candles,
    imports.add_imports,
    imports.drop_unused_imports,
    interface.rename_class,
)
"""The repairs of text that parses, in order: each sees what those before it left."""


@dataclass(frozen=True)
class TakenIn:
    """What became of an answer. With findings there is nothing to run; without, ``source`` is to be tried.

    ``steps`` tell how the code was found, ``repairs`` what was mended, in order.
    """

    source: str
    class_name: str
    steps: tuple[str, ...]
    repairs: tuple[Repair, ...]
    findings: tuple[Finding, ...]

    @property
    def is_repaired(self) -> bool:
        """Say whether something was mended that the strategy needed; advice alone does not count."""
        return any(not repair.is_advice for repair in self.repairs)


def take_in(answer: str, wanted: Wanted | None = None, *, is_cut: bool = False) -> TakenIn:
    """Give the source of the strategy in a raw answer, mended as far as mechanics go.

    ``is_cut`` says that the answer is known to end too early. Nothing is run: whether the source works, and
    whether it is safe, is for the static policy and the sandbox to say.
    """
    goal = wanted or Wanted()
    if len(answer) > MAX_CHARACTERS:
        message = f"The answer has {len(answer)} characters; {MAX_CHARACTERS} are the most"
        return _nothing((because("SOURCE_SIZE", message),))
    found = extract(answer, goal.class_name)
    if found.finding is not None:
        return _nothing((found.finding,), found.steps)
    return _mended(found, goal, is_cut=is_cut or found.is_cut)


def take_in_file(source: str, wanted: Wanted | None = None) -> TakenIn:
    """Give a file's source, mended: a Python file as it is, anything else as a raw answer."""
    goal = wanted or Wanted()
    if (
        len(source) <= MAX_SOURCE_CHARACTERS
        and re.search(r"^class\s+\w+", source, re.MULTILINE)
        and "```" not in source
    ):
        try:
            if torn(source) is None and loop_start(source) is None:
                return _mended(Extraction(source, ("file",)), goal, is_cut=False)
        except TooDeep:
            return _nothing((_too_deep(),))
    return take_in(source, goal)


def _nothing(findings: tuple[Finding, ...], steps: tuple[str, ...] = ()) -> TakenIn:
    return TakenIn("", "", steps, (), findings)


def _too_deep() -> Finding:
    return because("SOURCE_NESTING", "Expressions are nested deeper than Python's parser follows")


def _mended(found: Extraction, wanted: Wanted, *, is_cut: bool) -> TakenIn:
    if len(found.text) > MAX_SOURCE_CHARACTERS:
        message = f"The code has {len(found.text)} characters; {MAX_SOURCE_CHARACTERS} are the most"
        return _nothing((because("SOURCE_SIZE", message),), found.steps)
    try:
        text, repairs, error = mend_layout(found.text, is_cut=is_cut)
        all_repairs = [*found.repairs, *repairs]
        if error is not None:
            finding = because("SOURCE_SYNTAX", f"Python cannot parse it: {error.message}", error.line)
            return TakenIn(text, "", found.steps, tuple(all_repairs), (finding,))
        code = Code(text, wanted)
        refusal = _no_strategy(code)
        if refusal is not None:
            return TakenIn(text, "", found.steps, tuple(all_repairs), (refusal,))
        for mender in MENDERS:
            code, more = mend(mender, code)
            all_repairs += more
        findings = _what_is_missing(code)
    except (TooDeep, RecursionError):
        return _nothing((_too_deep(),), found.steps)
    name = code.strategy.name if code.strategy is not None else ""
    return TakenIn(code.text, name, found.steps, tuple(all_repairs), tuple(findings))


def mend(mender: Mender, code: Code) -> tuple[Code, list[Repair]]:
    """Give the code after one kind of repair, and what it did. What no longer parses is taken back."""
    done: list[Repair] = []
    for _ in range(MAX_PASSES):  # a repair within a repaired expression needs another pass
        repairs = mender(code)
        if not repairs:
            break
        after = code.edits.result()
        if after == code.text or torn(after) is not None:
            code = Code(code.text, code.wanted)
            break
        code = Code(after, code.wanted)
        done += repairs
    return code, _together(done)


def _together(repairs: Sequence[Repair]) -> list[Repair]:
    """Give one entry for each name, at its first line."""
    joined: dict[str, list[Repair]] = {}
    for repair in repairs:
        joined.setdefault(repair.name, []).append(repair)
    return [
        first
        if len(each) == 1
        else Repair(name, first.line, f"{first.detail}, and {len(each) - 1} more", first.is_advice)
        for name, each in joined.items()
        for first in each[:1]
    ]


_OTHER_LIBRARIES = {
    "backtrader",
    "zipline",
    "vectorbt",
    "backtesting",
    "pyalgotrade",
    "jesse",
    "ccxt",
    "binance",
    "MetaTrader5",
    "lean",
    "QuantConnect",
    "bt",
    "alpaca_trade_api",
    "hummingbot",
    "nautilus_trader",
}


def _no_strategy(code: Code) -> Finding | None:
    """Say why parsed code holds no strategy of Freqtrade's, None if it holds one."""
    if code.strategy is not None and any(name.startswith("populate_") for name in _method_names(code)):
        return None
    roots = {
        name.partition(".")[0]: node.lineno
        for node in code.nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    }
    other = next((root for root in roots if root in _OTHER_LIBRARIES), None)
    if other is not None:
        return because("OTHER_LIBRARY", f"The code is written for {other}, not for Freqtrade", roots[other])
    return because("NO_STRATEGY", "The code holds no class with Freqtrade's methods")


def _method_names(code: Code) -> set[str]:
    return {node.name for node in code.nodes if isinstance(node, ast.FunctionDef)}


def _what_is_missing(code: Code) -> list[Finding]:
    """Give what a strategy cannot do without and mechanics cannot invent."""
    strategy = code.strategy
    if strategy is None:
        return [because("NO_STRATEGY", "The code holds no class of a strategy")]
    inherits = [ast.unparse(base) for base in strategy.bases]
    if "populate_entry_trend" not in code.methods and any("IStrategy" in base for base in inherits):
        return [
            Finding(
                "METHOD_MISSING",
                "There is no populate_entry_trend: the strategy never enters",
                strategy.lineno,
                "Add populate_entry_trend, which sets enter_long or enter_short to 1.",
            )
        ]
    return [*_without_condition(code), *_unknown_attributes(code)]


def _unknown_attributes(code: Code) -> list[Finding]:
    """Give a finding for each attribute of the strategy that is read and set nowhere: Freqtrade swallows the error."""
    strategy = code.strategy
    if strategy is None or not code.inherits_directly or strategy.decorator_list or strategy.keywords:
        return []
    nodes = list(ast.walk(strategy))
    named = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    named |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    of_self = [node for node in nodes if isinstance(node, ast.Attribute) and is_self(node.value)]
    named |= {node.attr for node in of_self if not isinstance(node.ctx, ast.Load)} | STRATEGY_ATTRIBUTES
    if any(isinstance(node, ast.Name) and node.id in {"setattr", "vars", "hasattr"} for node in nodes):
        return []  # what is set by a computed name, or asked for first
    unknown = {node.attr: node for node in reversed(of_self) if node.attr not in named and node.attr[0] != "_"}
    return [
        Finding(
            "UNKNOWN_ATTRIBUTE",
            f"self.{name} is read and set nowhere",
            node.lineno,
            "Set it in the class, or write the value itself.",
        )
        for name, node in sorted(unknown.items(), key=lambda each: each[1].lineno)
    ]


def _without_condition(code: Code) -> list[Finding]:
    """Give a finding for each entry that is set in every candle: a placeholder, not a strategy."""
    function = code.methods.get("populate_entry_trend")
    targets = list(assigned_columns(function)) if function is not None else []
    findings = []
    for side in ("enter_long", "enter_short"):
        own = [target for column, target in targets if column == side and isinstance(target, ast.Subscript)]
        if own and all(_is_set_everywhere(code, target) for target in own):
            findings.append(
                Finding(
                    "NO_CONDITION",
                    f"{side} is set in every candle: there is no condition to enter",
                    own[0].lineno,
                    f'Set it where a condition holds: dataframe.loc[condition, "{side}"] = 1.',
                )
            )
    return findings


def _is_set_everywhere(code: Code, target: ast.Subscript) -> bool:
    """Say whether an assignment sets a whole column, or all rows with volume, to one value that is not 0."""
    parent = code.parents.get(target)
    value = constant(parent.value) if isinstance(parent, ast.Assign) else None
    if not isinstance(value, int | float) or not value:
        return False
    if code.is_frame(target.value):
        return column_of(target) is not None
    rows = target.slice.elts[0] if isinstance(target.slice, ast.Tuple) else target.slice
    columns = {column_of(node) for node in ast.walk(rows)} - {None}
    others = [node for node in ast.walk(rows) if isinstance(node, ast.Name) and not code.is_frame(node)]
    return isinstance(rows, ast.Slice) or (columns == {"volume"} and not others)
