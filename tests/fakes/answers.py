"""Raw answers as small models give them: one good strategy, and it again with each fault that mechanics mend.

``FAULTY`` maps a name to the answer and the repairs that it needs (in any order); ``FOUND`` are answers in which the
good strategy only has to be found; ``HOPELESS`` maps a name to the answer and the code of the finding.
"""

import json
import textwrap

NAME = "TestStrategy_phi3_20261101_000000"

IMPORTS = """\
from freqtrade.strategy import IStrategy
from pandas import DataFrame
import talib.abstract as ta
import numpy as np

"""
STRATEGY = f"""\
class {NAME}(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = '15m'
    can_short = True
    stoploss = -0.05
    minimal_roi = {{"0": 0.04, "120": 0.01}}
    startup_candle_count = 60

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe['rsi'] = ta.RSI(dataframe, timeperiod=14)
        dataframe['ema'] = ta.EMA(dataframe, timeperiod=50)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[(dataframe['rsi'] < 35) & (dataframe['volume'] > 0), 'enter_long'] = 1
        dataframe.loc[(dataframe['rsi'] > 65) & (dataframe['volume'] > 0), 'enter_short'] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[dataframe['rsi'] > 55, 'exit_long'] = 1
        dataframe.loc[dataframe['rsi'] < 45, 'exit_short'] = 1
        return dataframe
"""
GOOD = IMPORTS + STRATEGY
LAST_INDICATOR = "        dataframe['ema'] = ta.EMA(dataframe, timeperiod=50)\n"
LONG = "        dataframe.loc[(dataframe['rsi'] < 35) & (dataframe['volume'] > 0), 'enter_long'] = 1\n"
SHORT = "        dataframe.loc[(dataframe['rsi'] > 65) & (dataframe['volume'] > 0), 'enter_short'] = 1\n"
ENTRIES_END = "        return dataframe\n\n    def populate_exit_trend"
METHODS = "    def populate_indicators"
ENTRY_AT = STRATEGY.index("    def populate_entry_trend")
UP_TO_ENTRIES, FROM_ENTRIES = STRATEGY[:ENTRY_AT], STRATEGY[ENTRY_AT:]


def fenced(code, language="python"):
    return f"Here it is:\n\n```{language}\n{code}```\nGood luck!"


def changed(*pairs, text=GOOD):
    """The good strategy with texts replaced."""
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


def up_to(text):
    """The good strategy, cut before a text."""
    return GOOD[: GOOD.index(text)]


def with_indicator(*lines):
    """The good strategy with more lines among the indicators."""
    return changed((LAST_INDICATOR, LAST_INDICATOR + "".join(f"        {line}\n" for line in lines)))


def with_long(*lines):
    """The good strategy with other lines for its long entries."""
    return changed((LONG, "".join(f"        {line}\n" for line in lines)))


def with_method(head, *lines):
    """The good strategy with one more method."""
    body = "".join(f"        {line}\n" for line in lines)
    return changed((METHODS, f"    {head}\n{body}\n{METHODS}"))


def with_attribute(line):
    """The good strategy with one more attribute."""
    return changed(("    startup_candle_count", f"    {line}\n    startup_candle_count"))


def importing(name, text):
    """The same strategy, importing one more name of Freqtrade's."""
    return text.replace("import IStrategy", f"import IStrategy, {name}")


def each_line(before, text):
    return "".join(f"{before}{line}\n" if line else "\n" for line in text.split("\n"))


PARAMETER = "buy_rsi = IntParameter(20, 40, default=35, space='buy')"
AT_PARAMETER = ("dataframe['rsi'] < 35", "dataframe['rsi'] < self.buy_rsi.value")
ESCAPED = GOOD.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#39;")

FOUND = {
    "in a fence": fenced(GOOD),
    "in a fence of tildes": f"~~~python\n{GOOD}~~~",
    "in a fence of four": f"````python\n{GOOD}````",
    "in a fence without language": fenced(GOOD, ""),
    "in a fence that is not closed": f"```python\n{GOOD}",
    "in a fence that is indented": f"1. Save:\n\n   ```python\n{each_line('   ', GOOD)}   ```\n",
    "in a fence closed on the last line": f"```python\n{GOOD.rstrip()}```\nDone",
    "with the language on its own line": f"```\npython\n{GOOD}```",
    "beginning on the fence's line": f"```python {GOOD}```",
    "behind a sentence on the fence's line": f"Code:```python\n{GOOD}```",
    "in quotes for fences": f"'''python\n{GOOD}'''",
    "in a block quote": each_line("> ", fenced(GOOD)),
    "in square tags": f"[PYTHON]\n{GOOD}[/PYTHON]\nIt trades.",
    "in JSON": json.dumps({"strategy_name": NAME, "code": GOOD, "explanation": "It trades."}),
    "in JSON in a fence": f"```json\n{json.dumps({'code': GOOD}, indent=2)}\n```",
    "in JSON as lines": json.dumps({"code": GOOD.split("\n")}),
    "in JSON with raw line ends": '{"name": "x", "code": "' + GOOD.replace('"', '\\"') + '"}',
    "with escapes for line ends": GOOD.replace("\n", "\\n").replace('"', '\\"'),
    "as the second of two versions": f"{fenced(GOOD.replace('rsi', 'r'))}\nBetter:\n{fenced(GOOD)}",
    "with a fragment behind": f"{fenced(GOOD)}\nOr:\n```python\ndef populate_exit_trend(self, dataframe):\n    ...\n```",
    "with the imports apart": f"First:\n```python\n{IMPORTS}```\nThen:\n```python\n{STRATEGY}```",
    "with the methods apart": f"```python\n{IMPORTS}{UP_TO_ENTRIES}```\nEntries:\n```python\n{FROM_ENTRIES}```",
    "with dedented methods apart": (
        f"```python\n{IMPORTS}{UP_TO_ENTRIES}```\nEntries:\n```python\n{textwrap.dedent(FROM_ENTRIES)}```"
    ),
    "behind thoughts": f"<think>\nclass A(IStrategy):\n    pass\n```python\nx\n```\n</think>\n{fenced(GOOD)}",
    "behind thoughts without a beginning": f"I should use RSI.\n</think>\n{fenced(GOOD)}",
    "in a fence within thoughts that never end": f"<think>\nLet me write it.\n{fenced(GOOD)}",
    "with other line ends": fenced(GOOD).replace("\n", "\r\n"),
    "with no-break spaces": "\ufeff" + fenced(GOOD.replace("    def", "\u00a0\u00a0\u00a0 def")),
    "with invisible characters": fenced(GOOD.replace("rsi", "r\u200bsi")),
    "with a template's token": f"{fenced(GOOD)}<|im_end|>",
    "between prose without fences": f"Certainly! This is it:\n\n{GOOD}\nIt uses RSI to trade.\nRemember to test it.",
    "before a heading": f"{GOOD}\n### Explanation\nThe RSI is used.",
    "between bold words": f"**python**\n\n{GOOD}\n**Note:** test it.",
    "behind a shell's fence": f"```bash\npip install freqtrade\n```\n\n{GOOD}",
    "indented as a whole": f"This is it:\n\n{each_line('    ', GOOD)}\nGood luck!",
    "as a value in YAML": f"name: x\ncode: |\n{each_line('  ', GOOD)}",
    "in a fence in JSON": json.dumps({"answer": fenced(GOOD)}),
    "in a tool's call": f"<tool_call>{json.dumps({'name': 'save', 'arguments': {'code': GOOD}})}</tool_call>",
    "before a shell's line": fenced(f"{GOOD}\nfreqtrade backtesting --strategy {NAME}\n"),
    "with line numbers": fenced("".join(f"{n:>3} | {line}\n" for n, line in enumerate(GOOD.rstrip().split("\n"), 1))),
    "with an interpreter's prompts": fenced(
        "".join(f"{'... ' if line[:1] == ' ' else '>>> '}{line}\n" for line in GOOD.rstrip().split("\n"))
    ),
    "as a diff": fenced("".join(f"+{line}\n" for line in GOOD.rstrip().split("\n")), "diff"),
}

FAULTY = {
    # characters
    "html in a fence": (fenced(ESCAPED), {"html_unescape"}),
    "html in tags": (f'<p>S</p><pre><code class="language-python">{ESCAPED}</code></pre>', {"html_unescape"}),
    "typographic quotes": (fenced(GOOD.replace("'", "\u2019").replace('"', "\u201d")), {"ascii_quotes"}),
    "typographic minus": (fenced(GOOD.replace("-0.05", "\u22120.05")), {"ascii_quotes"}),
    "typographic docstring": (
        fenced(changed(("    INTERFACE", "    \u201c\u201d\u201cTrader\u2019s choice\u201d\u201d\u201d\n    INTERFACE"))),
        {"ascii_quotes"},
    ),
    # layout
    "tabs": (fenced(changed(("        dataframe.loc", "\tdataframe.loc"))), {"detab"}),
    "a line too far left": (fenced(changed((LAST_INDICATOR, LAST_INDICATOR[2:]))), {"fix_indentation"}),
    "a line too far right": (fenced(changed((LAST_INDICATOR, f"  {LAST_INDICATOR}"))), {"fix_indentation"}),
    "methods at the margin": (fenced(IMPORTS + UP_TO_ENTRIES + textwrap.dedent(FROM_ENTRIES)), {"indent_methods"}),
    "no colon": (
        fenced(changed(("-> DataFrame:\n        dataframe['rsi']", "-> DataFrame\n        dataframe['rsi']"))),
        {"add_colon"},
    ),
    "call not closed": (fenced(changed(("timeperiod=14)", "timeperiod=14"))), {"balance_parens"}),
    "one parenthesis more": (fenced(changed(("> 0), 'enter_long'", "> 0)), 'enter_long'"))), {"balance_parens"}),
    "one parenthesis less": (fenced(changed(("> 0), 'enter_long'", "> 0, 'enter_long'"))), {"balance_parens"}),
    "bracket not closed": (fenced(changed(("'enter_long'] = 1", "'enter_long' = 1"))), {"balance_parens"}),
    "several lines, not closed": (
        fenced(with_long("dataframe.loc[", "    (", "        (dataframe['rsi'] < 35) &", "        (dataframe['volume'] > 0",
                         "    ),", "    'enter_long'] = 1")),
        {"balance_parens"},
    ),
    "signs of another language": (fenced(changed(("< 35) & (", "< 35) && ("))), {"fix_operators"}),
    "a leading zero": (fenced(changed(("timeperiod=14", "timeperiod=014"))), {"fix_operators"}),
    "no comma": (
        fenced(changed(('{"0": 0.04, "120": 0.01}', '{\n        "0": 0.04\n        "120": 0.01\n    }'))),
        {"add_comma"},
    ),
    "no quote": (fenced(changed(("dataframe['rsi'] < 35", "dataframe['rsi] < 35"))), {"close_quote"}),
    "a docstring that is not closed": (
        fenced(changed(("    INTERFACE", '    """A strategy with RSI.\n    INTERFACE'))),
        {"close_quote"},
    ),
    "a typographic arrow": (fenced(GOOD.replace("->", "\u2192")), {"ascii_quotes"}),
    "a notebook's line": (fenced(f"!pip install ta-lib\n{GOOD}"), {"drop_markup"}),
    "a sentence between lines": (fenced(with_indicator("Now we return the frame as it is.")), {"comment_prose"}),
    "markup between lines": (fenced(changed(("    def populate_entry", "    **Entries**\n    def populate_entry"))), {"drop_markup"}),
    "print of Python 2": (fenced(with_indicator("print 'hello'")), {"print_call"}),
    "cut in a statement": ("```python\n" + up_to("'exit_short'"), {"drop_truncated_tail", "add_return"}),
    "cut in a head": (
        "```python\n" + up_to("(self, dataframe: DataFrame, metadata: dict) -> DataFrame:\n        dataframe.loc[dataframe"),
        {"drop_truncated_tail", "add_missing_method"},
    ),
    # imports
    "nothing imported": (fenced(STRATEGY), {"add_imports"}),
    "from a module that is none": (fenced(changed(("freqtrade.strategy ", "freqtrade.strategies "))), {"fix_import_path"}),
    "from the package": (fenced(changed(("from freqtrade.strategy ", "from freqtrade "))), {"fix_import_path"}),
    "qtpylib of old": (
        fenced(changed(("import numpy as np", "import freqtrade.vendor.qtpylib.indicators as qtpylib"),
                       ("dataframe['rsi'] > 55", "qtpylib.crossed_above(dataframe['rsi'], 55)"))),
        {"fix_import_path"},
    ),
    "qtpylib alone": (
        fenced(changed(("import numpy as np", "import qtpylib"),
                       ("dataframe['rsi'] > 55", "qtpylib.crossed_above(dataframe['rsi'], 55)"))),
        {"fix_import_path"},
    ),
    "qtpylib nowhere, misspelled": (
        fenced(changed(("dataframe['rsi'] > 55", "qtpylib.cross_above(dataframe['rsi'], 55)"))),
        {"spell_indicator", "add_imports"},
    ),
    "needless imports": (fenced(f"import os\nimport sys\nimport requests\n{GOOD}"), {"drop_unused_import"}),
    "TA-Lib on pandas_ta": (fenced(changed(("talib.abstract", "pandas_ta"))), {"fix_ta_import"}),
    "pandas_ta on the frame": (
        fenced(changed(("talib.abstract", "pandas_ta"), ("ta.RSI(dataframe, timeperiod", "ta.rsi(dataframe, length"),
                       ("ta.EMA(dataframe, timeperiod", "ta.ema(dataframe, length"))),
        {"fix_ta_import", "fix_indicator_settings"},
    ),
    "plain TA-Lib on the frame": (fenced(changed(("talib.abstract as", "talib as"))), {"fix_ta_import"}),
    "abstract as an attribute": (
        fenced(changed(("import talib.abstract as ta", "import talib"), ("ta.RSI", "talib.abstract.RSI"),
                       ("ta.EMA", "talib.abstract.EMA"))),
        {"fix_ta_import"},
    ),
    "indicators of another library": (
        fenced(changed(
            ("import talib.abstract as ta", "import ta"),
            ("ta.RSI(dataframe, timeperiod=14)", "ta.momentum.RSIIndicator(close=dataframe['close'], window=14).rsi()"),
            ("ta.EMA(dataframe, timeperiod=50)", "ta.trend.ema_indicator(dataframe['close'], 50)"),
        )),
        {"talib_for_ta", "fix_ta_import"},
    ),
    "bands of another library": (
        fenced(changed(("import numpy as np", "from ta.volatility import BollingerBands"), text=with_indicator(
            "bb = BollingerBands(close=dataframe['close'], window=20, window_dev=2)", "dataframe['u'] = bb.bollinger_hband()",
            "dataframe['l'] = bb.bollinger_lband()"))),
        {"talib_for_ta", "drop_unused_import"},
    ),
    "functions without module": (
        fenced(changed(("import talib.abstract as ta\n", ""), ("ta.RSI", "RSI"), ("ta.EMA", "EMA"))),
        {"qualify_function", "add_imports"},
    ),
    "functions in small letters": (fenced(changed(("ta.RSI", "ta.rsi"), ("ta.EMA", "ta.ema"))), {"spell_indicator"}),
    "no logger": (fenced(with_indicator("logger.info('done')")), {"add_imports"}),
    "types nowhere": (
        fenced(with_method("def custom_exit(self, pair: str, trade: Trade, current_time: datetime, current_rate: float, "
                           "current_profit: float, **kwargs) -> Optional[Union[str, bool]]:", "return None")),
        {"add_imports"},
    ),
    "an informative pair": (
        fenced(with_indicator("inf = self.dp.get_pair_dataframe(pair=metadata['pair'], timeframe='1h')",
                              "inf['e'] = ta.EMA(inf, timeperiod=20)",
                              "dataframe = merge_informative_pair(dataframe, inf, self.timeframe, '1h', ffill=True)")),
        {"add_imports"},
    ),
    "a parameter nowhere": (fenced(changed(AT_PARAMETER, text=with_attribute(PARAMETER))), {"add_imports"}),
    "names from where they are not": (
        fenced(changed(("import IStrategy", "import IStrategy, DataFrame, crossed_above"), ("from pandas import DataFrame\n", ""),
                       ("dataframe['rsi'] > 55,", "crossed_above(dataframe['rsi'], 55),"))),
        {"fix_import_path"},
    ),
    "JSON's words": (fenced(changed(("can_short = True", "can_short = true"))), {"json_words"}),
    # interface
    "another class's name": (fenced(GOOD.replace(NAME, "MyStrategy")), {"rename_class"}),
    "a name that is none": (fenced(GOOD.replace(f"class {NAME}", "class Test-Strategy phi3:mini")), {"spell_class_name", "rename_class"}),
    "quotes within quotes": (
        fenced(with_indicator('print(f"{dataframe["close"].iloc[-1]} and {dataframe["open"].iloc[-1]}")')), {"fstring_quotes"}
    ),
    "backticks": (fenced(changed(("timeframe = '15m'", "timeframe = `15m`"))), {"fix_operators"}),
    "a parent of a module that is not there": (fenced(GOOD.replace("(IStrategy)", "(freqtrade.strategy.IStrategy)")), {"fix_base_class"}),
    "a second parent that is not there": (fenced(GOOD.replace("(IStrategy)", "(IStrategy, ABC)")), {"fix_base_class"}),
    "no parent": (fenced(GOOD.replace(f"{NAME}(IStrategy)", NAME)), {"fix_base_class"}),
    "a parent that is none": (
        fenced(GOOD.replace("(IStrategy)", "(Strategy)").replace("import IStrategy", "import Strategy")),
        {"fix_base_class", "add_imports", "drop_unused_import"},
    ),
    "the interface of old": (
        fenced(changed(("populate_entry_trend", "populate_buy_trend"), ("populate_exit_trend", "populate_sell_trend"),
                       ("'enter_long'", "'buy'"), ("'exit_long'", "'sell'"), ("VERSION = 3", "VERSION = 2"),
                       (SHORT, ""), ("        dataframe.loc[dataframe['rsi'] < 45, 'exit_short'] = 1\n", ""))),
        {"v2_to_v3"},
    ),
    "orders of old": (
        fenced(with_attribute("order_types = {'buy': 'limit', 'sell': 'limit', 'stoploss': 'market', "
                              "'stoploss_on_exchange': False}\n    use_sell_signal = True")),
        {"v2_to_v3", "complete_order_settings"},
    ),
    "orders without stop": (
        fenced(with_attribute("order_types = {'entry': 'market', 'exit': 'market'}")), {"complete_order_settings"}
    ),
    "an exit callback of old": (
        fenced(with_method("def custom_sell(self, pair, trade, current_time, current_rate, current_profit, **kwargs):",
                           "return 'tp' if current_profit > 0.02 else None")),
        {"v2_to_v3"},
    ),
    "methods near the right names": (
        fenced(changed(("populate_entry_trend", "populate_entry_signals"), ("populate_exit_trend", "populate_exit_signals"))),
        {"rename_method"},
    ),
    "methods in camel case": (
        fenced(changed(("populate_indicators", "populateIndicators"), ("populate_entry_trend", "populateEntryTrend"))),
        {"rename_method"},
    ),
    "a method for each side": (
        fenced(changed((LONG + SHORT, LONG + "        return dataframe\n\n    def populate_entry_short(self, dataframe, metadata):\n"
                        + SHORT), ("populate_entry_trend", "populate_entry_long"))),
        {"join_methods"},
    ),
    "a helper without self": (
        fenced(changed((METHODS, "    def double(x):\n        return x * 2\n\n" + METHODS), ("= ta.EMA(dataframe, timeperiod=50)",
                       "= self.double(ta.EMA(dataframe, timeperiod=50))"))),
        {"add_self"},
    ),
    "signal columns in camel case": (
        fenced(changed(("'enter_long'", "'enterLong'"), ("'enter_short'", "'ENTER_SHORT'"))), {"rename_signal_column"}
    ),
    "one column for both sides": (
        fenced(changed(("'enter_long'] = 1", "'signal'] = 1"), ("'enter_short'] = 1", "'signal'] = -1"))),
        {"rename_signal_column"},
    ),
    "words for sides": (
        fenced(changed(("'enter_long'] = 1", "'action'] = 'BUY'"), ("'enter_short'] = 1", "'action'] = 'SELL'"))),
        {"rename_signal_column"},
    ),
    "signals as texts": (fenced(changed(("'enter_long'] = 1", "'enter_long'] = '1'"))), {"signal_value"}),
    "a short of minus one": (fenced(changed(("'enter_short'] = 1", "'enter_short'] = -1"))), {"signal_value"}),
    "a short of minus one by choice": (
        fenced(changed((SHORT, "        dataframe['enter_short'] = np.where(dataframe['rsi'] > 65, -1, 0)\n"))), {"signal_value"}
    ),
    "a column by attribute": (
        fenced(changed(("dataframe['rsi'] = ta", "dataframe.rsi = ta"))), {"column_by_name"}
    ),
    "rows dropped in place": (fenced(with_indicator("dataframe.dropna(inplace=True)")), {"keep_rows"}),
    "rows dropped": (fenced(with_indicator("dataframe = dataframe.dropna()")), {"keep_rows"}),
    "rows dropped at the end": (
        fenced(changed((ENTRIES_END, ENTRIES_END.replace("return dataframe", "return dataframe.dropna()")))), {"keep_rows"}
    ),
    "rows dropped under another name": (
        fenced(changed((ENTRIES_END, "        df = dataframe.dropna()\n" + ENTRIES_END.replace("dataframe", "df")))), {"keep_rows"}
    ),
    "dates as the index": (
        fenced(with_indicator("dataframe.set_index('date', inplace=True)", "dataframe['h'] = dataframe.index.hour")),
        {"keep_rows", "time_of_index"},
    ),
    "some columns returned": (
        fenced(changed((ENTRIES_END, ENTRIES_END.replace("return dataframe", "return dataframe[['date', 'enter_long']]")))),
        {"add_return"},
    ),
    "invented signal columns": (
        fenced(changed(("'enter_long'", "'long_entry'"), ("'enter_short'", "'short_entry'"), ("'exit_long'", "'long_exit'"),
                       ("'exit_short'", "'short_exit'"))),
        {"rename_signal_column"},
    ),
    "no return": (fenced(changed((ENTRIES_END, "\n    def populate_exit_trend"))), {"add_return"}),
    "an empty return": (
        fenced(changed((ENTRIES_END, "        return\n\n    def populate_exit_trend"))), {"add_return"}
    ),
    "two things returned": (
        fenced(changed((ENTRIES_END, "        return dataframe, metadata\n\n    def populate_exit_trend"))), {"add_return"}
    ),
    "no metadata": (
        fenced(changed(("indicators(self, dataframe: DataFrame, metadata: dict)", "indicators(self, dataframe: DataFrame)"))),
        {"fix_populate_signature"},
    ),
    "no self": (
        fenced(changed(("indicators(self, dataframe: DataFrame, metadata: dict)", "indicators(dataframe, metadata)"))),
        {"fix_populate_signature"},
    ),
    "another name of the frame": (
        fenced(GOOD.replace("(self, dataframe: DataFrame", "(self, df: DataFrame").replace("return dataframe", "return df")),
        {"name_of_frame"},
    ),
    "no exits": (
        fenced(up_to("    def populate_exit_trend")), {"add_missing_method"}
    ),
    "a constructor without configuration": (
        fenced(with_method("def __init__(self):", "super().__init__()", "self.x = 3")), {"fix_init"}
    ),
    "a constructor that calls none": (fenced(with_method("def __init__(self, config):", "self.x = 3")), {"fix_init"}),
    "leverage as a number": (fenced(with_attribute("leverage = 3")), {"leverage_to_method"}),
    "leverage of a pair": (
        fenced(with_method("def leverage(self, pair: str) -> float:", "return 3")), {"fix_leverage_signature"}
    ),
    "leverage by other names": (
        fenced(with_method("def leverage(self, pair, current_time, price, max_lev):", "return min(3, max_lev)")),
        {"fix_leverage_signature"},
    ),
    "a stop without all arguments": (
        fenced(changed(("    startup", "    use_custom_stoploss = True\n    startup"), text=with_method(
            "def custom_stoploss(self, pair, trade, current_time, current_rate, current_profit):", "return -0.04"))),
        {"fix_custom_stoploss_signature"},
    ),
    "a confirmation that says nothing": (
        fenced(with_method("def confirm_trade_entry(self, pair, order_type, amount, rate, time_in_force, current_time, "
                           "entry_tag, side, **kwargs):", "print(pair)")),
        {"confirm_by_default"},
    ),
    "a trade's side": (
        fenced(with_method("def custom_exit(self, pair, trade, current_time, current_rate, current_profit, **kwargs):",
                           "return 'x' if trade.side == 'long' and current_profit > 0.03 else None")),
        {"fix_trade_attribute"},
    ),
    "an attribute without self": (
        fenced(changed(("dataframe['rsi'] < 35", "dataframe['rsi'] < rsi_low"), text=with_attribute("rsi_low = 35"))),
        {"add_self"},
    ),
    "a parameter without value": (
        fenced(importing("IntParameter", changed(("dataframe['rsi'] < 35", "dataframe['rsi'] < self.buy_rsi"),
                                                 text=with_attribute(PARAMETER)))),
        {"add_parameter_value"},
    ),
    "a parameter by other words": (
        fenced(importing("IntParameter", changed(AT_PARAMETER, text=with_attribute(
            PARAMETER.replace("20, 40", "min_value=20, max_value=40"))))),
        {"fix_parameter"},
    ),
    "a parameter's default by its place": (
        fenced(importing("IntParameter", changed(AT_PARAMETER, text=with_attribute(PARAMETER.replace("default=", ""))))),
        {"fix_parameter"},
    ),
    "a backtest at the end": (
        fenced(f"{GOOD}\nfrom freqtrade.optimize.backtesting import Backtesting\nbacktesting = Backtesting(config)\nbacktesting.start()\n"),
        {"drop_main_block", "drop_unused_import"},
    ),
    "a program at the end": (
        fenced(f"{GOOD}\nif __name__ == '__main__':\n    s = {NAME}()\n    print(s)\n"), {"drop_main_block"}
    ),
    # attributes
    "stoploss above zero": (fenced(changed(("stoploss = -0.05", "stoploss = 0.05"))), {"negate_stoploss"}),
    "stoploss in percent": (fenced(changed(("stoploss = -0.05", "stoploss = -5"))), {"stoploss_from_percent"}),
    "stoploss as text": (fenced(changed(("stoploss = -0.05", 'stoploss = "-0.05"'))), {"stoploss_to_number"}),
    "no stoploss": (fenced(changed(("    stoploss = -0.05\n", ""))), {"add_stoploss"}),
    "ROI of whole numbers": (fenced(changed(('{"0": 0.04, "120"', "{0: 0.04, 120"))), {"roi_keys_to_str"}),
    "ROI of texts": (fenced(changed(('0.04, "120": 0.01', '"0.04", "120": "1%"'))), {"roi_values_to_number"}),
    "ROI as a number": (fenced(changed(('{"0": 0.04, "120": 0.01}', "0.04"))), {"roi_to_dict"}),
    "ROI as pairs": (fenced(changed(('{"0": 0.04, "120": 0.01}', "[(0, 0.04), (120, 0.01)]"))), {"roi_to_dict"}),
    "timeframe as a number": (fenced(changed(("timeframe = '15m'", "timeframe = 15"))), {"spell_timeframe"}),
    "timeframe in words": (fenced(changed(("timeframe = '15m'", "timeframe = '15 minutes'"))), {"spell_timeframe"}),
    "timeframe of old": (
        fenced(changed(("timeframe = '15m'", "ticker_interval = '15m'"))), {"ticker_interval_to_timeframe"}
    ),
    "no timeframe": (fenced(changed(("    timeframe = '15m'\n", ""))), {"add_timeframe"}),
    "timeframes": (fenced(changed(("timeframe = '15m'", "timeframe = ['15m', '1h']"))), {"spell_timeframe"}),
    "no ROI": (fenced(changed(('{"0": 0.04, "120": 0.01}', "None"))), {"roi_to_dict"}),
    "flags as texts": (fenced(changed(("can_short = True", "can_short = 'true'"))), {"flag_to_bool"}),
    "startup as a text": (fenced(changed(("candle_count = 60", "candle_count = '60'"))), {"startup_to_number"}),
    "orders as a word": (fenced(with_attribute("order_types = 'market'")), {"complete_order_settings"}),
    "trailing in percent": (
        fenced(with_attribute("trailing_stop = True\n    trailing_stop_positive = 1.0\n    trailing_stop_positive_offset = 2.0")),
        {"fix_trailing_stop"},
    ),
    "trailing as a number": (fenced(with_attribute("trailing_stop = 0.02")), {"fix_trailing_stop"}),
    "trailing that contradicts itself": (
        fenced(with_attribute("trailing_stop = True\n    trailing_stop_positive = 0.02\n"
                              "    trailing_stop_positive_offset = 0.01\n    trailing_only_offset_is_reached = True")),
        {"fix_trailing_stop"},
    ),
    # idioms
    "NaN of old": (fenced(with_indicator("dataframe['v'] = dataframe['volume'].replace(0, np.NaN)")), {"np_nan"}),
    "types of old": (fenced(with_indicator("dataframe['v'] = dataframe['volume'].astype(np.float)")), {"numpy_names"}),
    "filling of old": (
        fenced(with_indicator("dataframe['v'] = dataframe['ema'].fillna(method='ffill', limit=3)")), {"fillna_method"}
    ),
    "an array changed in place": (
        fenced(with_indicator("level = dataframe['high'].rolling(20).max().values", "for i in range(20, len(dataframe)):",
                              "    level[i] = max(level[i], 0)", "dataframe['level'] = level")),
        {"copy_of_values"},
    ),
    "letters of old": (
        fenced(with_indicator("d = dataframe.set_index('date')['close'].resample('1H').mean()")), {"frequency"}
    ),
    "items of old": (
        fenced(with_indicator("for name, column in dataframe.iteritems():", "    pass")), {"pandas_names"}
    ),
    "hours of the index": (fenced(with_indicator("dataframe['h'] = dataframe.index.hour")), {"time_of_index"}),
    "a chain by mask": (
        fenced(with_long("dataframe['enter_long'] = 0", "dataframe['enter_long'][dataframe['rsi'] < 35] = 1")),
        {"chained_assignment"},
    ),
    "a chain by loc": (
        fenced(with_long("dataframe['enter_long'] = 0", "dataframe['enter_long'].loc[dataframe['rsi'] < 35] = 1")),
        {"chained_assignment"},
    ),
    "a chain by rows": (
        fenced(with_long("dataframe['enter_long'] = 0", "dataframe.loc[dataframe['rsi'] < 35]['enter_long'] = 1")),
        {"chained_assignment"},
    ),
    "a chain by attribute": (
        fenced(with_long("dataframe['enter_long'] = 0", "dataframe.enter_long[dataframe['rsi'] < 35] = 1")),
        {"chained_assignment"},
    ),
    "a column filled in place": (
        fenced(with_indicator("dataframe['ema'].fillna(0, inplace=True)")), {"inplace_on_column"}
    ),
    # masks
    "and between columns": (
        fenced(with_long("dataframe.loc[dataframe['rsi'] < 35 and dataframe['volume'] > 0, 'enter_long'] = 1")),
        {"truth_of_columns"},
    ),
    "a chain of comparisons": (
        fenced(with_long("dataframe.loc[10 < dataframe['rsi'] <= 35, 'enter_long'] = 1")), {"truth_of_columns"}
    ),
    "a list for a mask": (
        fenced(with_long("conditions = [dataframe['rsi'] < 35, dataframe['volume'] > 0]",
                         "dataframe.loc[conditions, 'enter_long'] = 1")),
        {"join_conditions"},
    ),
    "all of a list": (
        fenced(with_long("conditions = []", "conditions.append(dataframe['rsi'] < 35)",
                         "dataframe.loc[all(conditions), 'enter_long'] = 1")),
        {"join_conditions"},
    ),
    "not of a column": (fenced(changed(("dataframe['rsi'] > 55,", "not (dataframe['rsi'] < 55),"))), {"truth_of_columns"}),
    "comparisons without parentheses": (
        fenced(with_long("dataframe.loc[dataframe['rsi'] < 35 & dataframe['volume'] > 0, 'enter_long'] = 1")),
        {"parenthesise_comparisons"},
    ),
    "a comparison for an assignment": (
        fenced(changed(("'enter_long'] = 1", "'enter_long'] == 1"))), {"comparison_to_assignment"}
    ),
    "a choice for a column": (
        fenced(with_long("dataframe['enter_long'] = 1 if dataframe['rsi'] < 35 else 0")), {"if_to_where"}
    ),
    "branches for a column": (
        fenced(changed((LONG + SHORT, "        if dataframe['rsi'] < 35:\n            dataframe['enter_long'] = 1\n"
                        "        elif dataframe['rsi'] > 65:\n            dataframe['enter_short'] = 1\n"))),
        {"if_to_mask"},
    ),
    "no loc": (fenced(changed(("dataframe.loc[(dataframe['rsi'] < 35)", "dataframe[(dataframe['rsi'] < 35)"))), {"missing_loc"}),
    "columns without a list": (
        fenced(with_long("dataframe.loc[(dataframe['rsi'] < 35), 'enter_long', 'enter_tag'] = (1, 'dip')")), {"missing_loc"}
    ),
    "a crossing of another library": (
        fenced(changed(("dataframe['rsi'] > 55", "ta.CROSSOVER(dataframe['rsi'], 55)"))), {"spell_indicator", "add_imports"}
    ),
    "a crossing as a method": (
        fenced(changed(("dataframe['rsi'] > 55", "dataframe['rsi'].crosses_above(55)"))), {"crossing_method", "add_imports"}
    ),
    # indicators
    "settings by other names": (fenced(changed(("timeperiod=14", "length=14"))), {"fix_indicator_settings"}),
    "whole deviations": (
        fenced(with_indicator("bb = ta.BBANDS(dataframe, timeperiod=20, nbdevup=2, nbdevdn=2)",
                              "dataframe['bb'] = bb['upperband']")),
        {"fix_indicator_settings"},
    ),
    "deviations by another name": (
        fenced(with_indicator("bb = ta.BBANDS(dataframe, length=20, std=2)", "dataframe['bb'] = bb['upperband']")),
        {"fix_indicator_settings"},
    ),
    "bands unpacked": (
        fenced(with_indicator("upper, middle, lower = ta.BBANDS(dataframe, timeperiod=20)", "dataframe['u'] = upper.shift(1)")),
        {"unpack_outputs"},
    ),
    "bands by other names": (
        fenced(with_indicator("bb = ta.BBANDS(dataframe, timeperiod=20)", "dataframe['bb'] = bb['upper']")),
        {"fix_output_name"},
    ),
    "lines by other names": (
        fenced(with_indicator("macd = ta.MACD(dataframe)", "dataframe['s'] = macd['signal']")), {"fix_output_name"}
    ),
    "lines of a column": (
        fenced(with_indicator("macd = ta.MACD(dataframe['close'])", "dataframe['s'] = macd['macdsignal']")),
        {"series_of_indicator"},
    ),
    "strength of a column": (
        fenced(with_indicator("dataframe['adx'] = ta.ADX(dataframe['close'], timeperiod=14)")), {"candles_of_indicator"}
    ),
    "lines into a column": (
        fenced(with_indicator("dataframe['macd_signal'] = ta.MACD(dataframe)")), {"one_output"}
    ),
    "lines of a column into a column": (
        fenced(with_indicator("dataframe['macd'] = ta.MACD(dataframe['close'])")), {"one_output"}
    ),
    "bands by place": (
        fenced(with_indicator("bb = ta.BBANDS(dataframe, timeperiod=20)", "dataframe['u'] = bb[0]",
                              "dataframe['l'] = ta.BBANDS(dataframe, timeperiod=20)[2]", "dataframe['m'] = bb.middle")),
        {"fix_output_name"},
    ),
    "an average shifted": (
        fenced(with_indicator("dataframe['p'] = ta.EMA(dataframe['close'], timeperiod=10).shift(1)")),
        {"series_of_indicator"},
    ),
    "qtpylib's bands of the frame": (
        fenced(changed(("import numpy as np", "from technical import qtpylib"), text=with_indicator(
            "bb = qtpylib.bollinger_bands(dataframe, window=20, stds=2)", "dataframe['u'] = bb['upperband']"))),
        {"series_for_qtpylib", "fix_output_name"},
    ),
}  # fmt: skip

HOPELESS = {
    "nothing": (" \n", "NO_ANSWER"),
    "prose": ("A mean-reversion strategy buys what is cheap. You should use RSI and bands.", "NO_CODE"),
    "a refusal": ("I'm sorry, but I can't help with trading.", "REFUSED"),
    "a refusal in Italian": ("Mi dispiace, non posso fornire consigli finanziari.", "REFUSED"),
    "thoughts": (f"<think>maybe\n{GOOD}", "ONLY_THOUGHTS"),
    "a description in JSON": ('```json\n{"strategy": "x", "entry": "rsi < 30"}\n```', "JSON_NOT_CODE"),
    "pseudo-code": ("```\nstrategy Momentum:\n    if rsi > 50 then\n        buy()\n    end if\n```", "PSEUDO_CODE"),
    "a loop": ("The strategy " * 400, "REPEATS"),
    "a loop within the class": ("```python\n" + UP_TO_ENTRIES + "        self.low = 0.05\n" * 200, "REPEATS"),
    "another library": (
        "```python\nimport backtrader as bt\nclass S(bt.Strategy):\n    def next(self):\n        self.buy()\n```",
        "OTHER_LIBRARY",
    ),
    "no class": ("```python\nimport numpy as np\ndef signal(x):\n    return x > 3\n```", "NO_STRATEGY"),
    "indicators only": (fenced(IMPORTS + UP_TO_ENTRIES), "METHOD_MISSING"),
    "an attribute that is set nowhere": (
        fenced(
            with_method(
                "def custom_exit(self, pair, trade, current_time, current_rate, current_profit, **kwargs):",
                "return self.word if current_profit < -0.5 else None",
            )
        ),
        "UNKNOWN_ATTRIBUTE",
    ),
    "an entry in every candle": (fenced(with_long("dataframe['enter_long'] = 1")), "NO_CONDITION"),
    "nested too deep": (fenced(with_indicator("x = " + "(" * 5000 + "1" + ")" * 5000)), "SOURCE_NESTING"),
    "too long": ("x" * 500_000, "SOURCE_SIZE"),
    "not Python": (fenced(with_indicator("?? !! {{ ]]", "§§")), "SOURCE_SYNTAX"),
}
