"""Strategies for bots under test: one that trades often, one that attacks, one that raises, one that hangs."""

FRAME = """
from datetime import datetime
from freqtrade.strategy import IStrategy


class {name}(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "15m"
    can_short = True
    startup_candle_count = 20
    minimal_roi = {{"0": 0.004, "60": 0.0}}
    stoploss = -0.01
    process_only_new_candles = True

    def populate_indicators(self, dataframe, metadata):
        {indicators}
        dataframe["slow"] = dataframe["close"].rolling(12).mean()
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        above = dataframe["close"] > dataframe["slow"]
        below = dataframe["close"] < dataframe["slow"]
        {crossing}
        dataframe.loc[above, "enter_long"] = 1
        dataframe.loc[below, "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe
"""

ATTACKS = """attack()"""

ATTACK = """
import os, socket, subprocess
from pathlib import Path

DONE = []


def attempt(name, work):
    try:
        work()
        DONE.append(name)
    except BaseException as error:
        pass


def attack():
    attempt("read a file", lambda: Path("/etc/passwd").read_bytes())
    attempt("read the home", lambda: list(Path("{outside}").iterdir()))
    attempt("write outside", lambda: (Path("{outside}") / "owned").write_text("x"))
    attempt("change itself", lambda: (Path(__file__).parent / "more.py").write_text("x"))
    attempt("another server", lambda: socket.create_connection(("127.0.0.1", {other_port}), 1))
    attempt("the internet", lambda: socket.create_connection(("192.0.2.1", 80), 1))
    attempt("udp", lambda: socket.socket(type=socket.SOCK_DGRAM))
    attempt("a name", lambda: socket.getaddrinfo("example.com", 80))
    attempt("a program", lambda: subprocess.run(["/bin/true"]))
    attempt("a fork", lambda: os.fork())
    attempt("kill the parent", lambda: os.kill(os.getppid(), 0))
    Path("attacks.txt").write_text(repr(DONE))
"""


def source(name, indicators="pass", before="", crossing="pass"):
    """Give a strategy's source that trades often: always, or by ``crossing``."""
    return (before + FRAME.format(name=name, indicators=indicators, crossing=crossing)).encode()


def crossing(name):
    """Give one that enters where the price has just crossed its mean: what it does does not hang on what it did."""
    return source(name, crossing="above, below = above & below.shift(1), below & above.shift(1)")


def hostile(name, outside, other_port):
    """Give one that tries to get out, and leaves in its own folder what it got."""
    return source(name, ATTACKS, ATTACK.format(outside=outside, other_port=other_port))


DYING = """
import os
from pathlib import Path

from freqtrade.freqtradebot import FreqtradeBot


def die_in(name):
    method = getattr(FreqtradeBot, name)

    def dying(bot, *arguments, **options):
        died = Path(name + ".died")
        if not died.exists():
            died.touch()
            os._exit(9)
        return method(bot, *arguments, **options)

    setattr(FreqtradeBot, name, dying)


for name in {names}:
    die_in(name)
"""


def dying(name, *names):
    """Give one that ends its process, as kill -9 would, the first time that the bot begins each of these methods."""
    return source(name, before=DYING.format(names=names))
