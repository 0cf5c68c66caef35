"""The codes of what the engine finds, each with what it means for the strategy and what to do about it.

Codes are stable: reports, repair prompts and tests name them. docs/reference/findings.md lists them from this table.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from cfsm.domain.evaluation import Finding, Verdict


class Weight(Enum):
    """What a finding does to the verdict."""

    UNSAFE = "unsafe"
    FAULT = "rejected"
    ADVICE = "accepted"


@dataclass(frozen=True)
class Meaning:
    """What a code says, and what to do about it."""

    weight: Weight
    what: str
    what_to_do: str


_U, _F, _A = Weight.UNSAFE, Weight.FAULT, Weight.ADVICE

MEANINGS: dict[str, Meaning] = {
    # Static policy: the text is looked at, nothing runs.
    "SOURCE_ENCODING": Meaning(_F, "The file is not UTF-8.", "Save it as UTF-8 without an encoding cookie."),
    "SOURCE_COOKIE": Meaning(
        _U, "The declared encoding could make other text of the file than it shows.", "Save it as UTF-8 without one."
    ),
    "SOURCE_SIZE": Meaning(_F, "The file is too large.", "A strategy fits into 256 kB: move tables out of it."),
    "SOURCE_SYNTAX": Meaning(_F, "Python cannot parse the file.", "Correct the line."),
    "SOURCE_NESTING": Meaning(_U, "Expressions are nested too deeply.", "Split the expression over several lines."),
    "POLICY_IMPORT": Meaning(
        _U, "A module that a strategy has no business with.", "Use numpy, pandas, talib, technical and freqtrade."
    ),
    "POLICY_NAME": Meaning(_U, "A built-in that reaches out of the strategy.", "Do without it."),
    "POLICY_ATTRIBUTE": Meaning(
        _U, "An attribute that reaches files, the system or Python's insides.", "Do without it."
    ),
    "POLICY_STRING": Meaning(_U, "Text that reaches Python's insides or runs code.", "Write it as plain code."),
    "POLICY_PATCH": Meaning(_U, "A library or Freqtrade itself is changed.", "Write a function of your own instead."),
    "POLICY_SYNTAX": Meaning(_U, "A form that strategies have no use for.", "Write it as plain code."),
    # Loading.
    "CLASS_NAME": Meaning(_F, "The class that was asked for is not in the file.", "Name the class as asked."),
    "MISSING_MODULE": Meaning(_F, "A module that does not exist here.", "Import only what Freqtrade brings along."),
    "LOAD_FAILED": Meaning(_F, "Freqtrade could not load the strategy.", "Correct what the message names."),
    "STOPLOSS": Meaning(_F, "The stoploss is missing or no negative ratio.", "Set e.g. stoploss = -0.05."),
    "TIMEFRAME": Meaning(_F, "The timeframe is missing or unknown.", 'Set e.g. timeframe = "15m".'),
    "ATTRIBUTE": Meaning(_F, "An attribute has a value of a type that Freqtrade does not read.", "Correct the line."),
    "ROI": Meaning(_F, "minimal_roi is not what Freqtrade reads.", 'Write e.g. minimal_roi = {"0": 0.05, "60": 0.02}.'),
    "METHOD_MISSING": Meaning(_F, "A method that every strategy has is missing.", "Add it; it returns the dataframe."),
    "INTERFACE_V2": Meaning(_F, "Names of Freqtrade's old interface.", "Use entry, exit and enter_long instead."),
    "SIGNATURE": Meaning(
        _F,
        "A callback does not take what Freqtrade gives it.",
        "Write its signature as Freqtrade's documentation has it.",
    ),
    # Running.
    "INDICATORS_FAILED": Meaning(_F, "populate_indicators raised an error.", "Correct what the message names."),
    "SIGNALS_FAILED": Meaning(
        _F, "populate_entry_trend or populate_exit_trend raised.", "Correct what the message names."
    ),
    "DATAFRAME": Meaning(_F, "What came back is not the dataframe that went in.", "Return it, same rows and dates."),
    "CANDLES_CHANGED": Meaning(_F, "Prices, volume or dates were changed.", "Put what you compute into new columns."),
    "CHAINED_ASSIGNMENT": Meaning(
        _F, "A chained assignment changes a copy, not the dataframe.", "Write dataframe.loc[condition, column] = value."
    ),
    "SIGNAL_VALUES": Meaning(
        _F, "A signal column holds something else than 0 and 1.", "Set 1 where the signal is true."
    ),
    "SIGNAL_CONFLICT": Meaning(
        _F,
        "Entry signals are cancelled by other signals on the same candle.",
        "Make the conditions exclude each other.",
    ),
    "SIGNALS_CANCELLED": Meaning(
        _A,
        "Most entry signals are cancelled by other signals on the same candle.",
        "Make the conditions exclude each other.",
    ),
    "NO_SIGNALS": Meaning(
        _F, "No candle has an entry signal.", "Loosen the entry conditions, or check chained assignments."
    ),
    "SHORTS_DROPPED": Meaning(_A, "There are short signals, but can_short is not True.", "Set can_short = True."),
    "SHORTS_ONLY": Meaning(_F, "All signals are short, but can_short is not True.", "Set can_short = True."),
    "CALLBACK_FAILED": Meaning(_F, "A callback raised; Freqtrade went on without it.", "Correct the callback."),
    "CALLBACK_VALUE": Meaning(_F, "A callback gives back what Freqtrade cannot use.", "Return a finite number."),
    "CALLBACK_UNUSED": Meaning(_A, "A callback is never called.", "Set the attribute that turns it on, or remove it."),
    "CONFIRM_NONE": Meaning(
        _F, "A confirmation returns nothing, so trades do not open, or do not close.", "Return True or False."
    ),
    "NO_TRADES": Meaning(_F, "There were entry signals but no trade.", "Check stake, callbacks and locks."),
    "LOGGED_ERROR": Meaning(
        _F, "Freqtrade logged an error while it ran the strategy.", "Correct what the message names."
    ),
    "RUN_FAILED": Meaning(_F, "The run ended with an error.", "Correct what the message names."),
    "LOOKAHEAD": Meaning(
        _F,
        "Values of the past change with the future.",
        "Use only shift(n) with n > 0, rolling windows and closed candles.",
    ),
    "LOOKAHEAD_UNUSED": Meaning(
        _A, "A column of the past changes with the future, but no signal depends on it.", "Remove the column."
    ),
    "SHORT_HISTORY": Meaning(
        _F, "The strategy fails when the history ends earlier.", "Do not rely on candles that are still to come."
    ),
    "NOT_DETERMINISTIC": Meaning(_F, "Two runs on the same candles differ.", "Seed random numbers; ask no clock."),
    "STARTUP_SHORT": Meaning(
        _A, "startup_candle_count is too small for the indicators.", "Set it to the longest look-back."
    ),
    "STARTUP_LONG": Meaning(
        _F, "startup_candle_count is larger than the history.", "Set it to the longest look-back of an indicator."
    ),
    "LOOKAHEAD_ANALYSIS": Meaning(
        _A, "Freqtrade's lookahead-analysis sees a bias, or fails.", "Look at the indicators that it names."
    ),
    "RECURSIVE_ANALYSIS": Meaning(
        _A, "Freqtrade's recursive-analysis sees indicators that vary, or fails.", "Raise startup_candle_count."
    ),
    # Risk.
    "ALWAYS_IN": Meaning(_F, "Nearly every candle has an entry signal.", "Enter only under conditions."),
    "LIQUIDATION": Meaning(
        _F, "Trades are liquidated before their stop.", "Lower the leverage or tighten the stoploss."
    ),
    "LEVERAGE": Meaning(_F, "More leverage than any stop can make good.", "Return min(5.0, max_leverage) or less."),
    "ONE_TRADE": Meaning(
        _A, "One trade made all the profit there is.", "Trade more often; a result of one trade is luck."
    ),
    "FEES": Meaning(_A, "Fees take most of the profits.", "Trade less often, for larger targets."),
    "PERFECT_PRICES": Meaning(
        _F, "Orders are filled at the best price of their candle.", "Compute prices from candles that are closed."
    ),
    # Limits and honesty.
    "SLOW": Meaning(
        _F, "Indicators and signals would take longer than a run may.", "Vectorise; avoid loops over rows."
    ),
    "LIMIT_TIME": Meaning(_F, "The run took longer than allowed.", "Look for endless loops; vectorise."),
    "LIMIT_CPU": Meaning(_F, "The run used more processor time than allowed.", "Look for endless loops; vectorise."),
    "LIMIT_MEMORY": Meaning(_F, "The run wanted more memory than allowed.", "Keep fewer and smaller arrays."),
    "LIMIT_OUTPUT": Meaning(_F, "The run gave back more data than allowed.", "Trade less often; shorten tags."),
    "DIED": Meaning(_F, "The run ended without a result.", "Do not end the process; call nothing native."),
    "BROKEN_RESULT": Meaning(_F, "What came back is not a result.", "Do not touch Freqtrade's insides."),
    "FORGED_RESULT": Meaning(_F, "Trades that these candles do not allow.", "Do not touch candles, trades or wallets."),
}


def finding(code: str, message: str = "", line: int | None = None) -> Finding:
    """Make a finding of a code of the table; the message defaults to what the code means."""
    meaning = MEANINGS[code]
    return Finding(code=code, message=message or meaning.what, line=line, what_to_do=meaning.what_to_do)


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """Give the verdict that these findings make together."""
    weights = {MEANINGS[found.code].weight for found in findings}
    if Weight.UNSAFE in weights:
        return Verdict.UNSAFE
    return Verdict.REJECTED if Weight.FAULT in weights else Verdict.ACCEPTED
