"""A studio for generators under test: a real client on a scripted server, a pretended engine, terms that the test sets."""

from dataclasses import dataclass, field

from cfsm.adapters.blueprint import render
from cfsm.adapters.ollama import OllamaModels
from cfsm.adapters.prompts import PromptFolder
from cfsm.adapters.templates import render as render_family
from cfsm.application.proposing import Surroundings
from cfsm.domain.evaluation import Conditions, Limits
from cfsm.domain.generation import Generation
from cfsm.domain.planning import Staff
from cfsm.domain.timeouts import Complexity
from cfsm.workers.generator import GeneratorWorker
from cfsm.workers.studio import Studio
from tests.fakes.engine import FakeEngine

GIGABYTE = 1_000_000_000


@dataclass
class Terms:
    """Limits of answers: the same for every model but those of ``own_seconds``."""

    limit_seconds: float = 10.0
    own_seconds: dict = field(default_factory=dict)
    num_ctx: int = 4096
    temperature: float = 0.7
    first_token_seconds: float = 5.0
    idle_seconds: float = 5.0

    def complexity(self, prompt):
        return Complexity.NORMAL

    def seconds(self, model, complexity):
        return self.own_seconds.get(model, self.limit_seconds)


def studio_at(place, url, models, *, terms=None, engine=None, surroundings=None, memory_gigabytes=64, **staff):
    """Give a studio of a workplace that asks these models of the server at ``url``."""
    return Studio(
        open_models=lambda: OllamaModels(url),
        prompts=PromptFolder(),
        staff=Staff(models=models, **{"channel": "source", **staff}),
        limits=terms or Terms(),
        render=render,
        surroundings=lambda: surroundings or Surroundings("BTC/USDT:USDT", ["15m", "1h"], {}),
        blobs=place.blobs,
        name_of_code=place.name_of_code,
        engine=engine or FakeEngine(),
        is_engine_ready=lambda: True,
        screening=lambda: Conditions("synthetic", "20250101-20250201", ("BTC/USDT:USDT",)),
        execution_limits=Limits(),
        screening_limits=Limits(),
        memory_bytes=lambda known: memory_gigabytes * GIGABYTE,
        parallel=3,
        seconds=dict,
    )


def generator_of(place, studio, actor="generator@here"):
    return GeneratorWorker(place.equipment(actor), render_family, place.blobs, place.name_of_code, studio)


def ask_for(place, mode, *, model="", strategy_type="trend", seed=7, key="slot"):
    generation = Generation.request(
        key,
        strategy_type=strategy_type,
        mode=mode,
        model=model,
        seed=seed,
        why="a test",
        stamp=place.factory.stamp(),
    )
    place.record(generation)
    return generation


def asked(server):
    """Give the requests that asked a model for something, in order: loading and unloading is nothing of the kind."""
    return [seen for seen in server.seen if seen.body.get("messages")]


WRITTEN = """\
import talib.abstract as ta
from freqtrade.strategy import IStrategy


class Mine(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "15m"
    can_short = True
    minimal_roi = {{"0": 0.04}}
    stoploss = -0.05
    startup_candle_count = 200
    {lines}

    def populate_indicators(self, dataframe, metadata):
        dataframe["ema"] = ta.EMA(dataframe, timeperiod={period})
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["close"] > dataframe["ema"], "enter_long"] = 1
        dataframe.loc[dataframe["close"] < dataframe["ema"], "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe
"""


def written(period, *lines):
    """Give an answer with a strategy; what the pretended engine makes of it stands in its lines."""
    text = WRITTEN.format(period=period, lines="\n    ".join(lines))
    return f"Here it is:\n```python\n{text}```\n"


def reactions(*said, **when):
    """Give the script of a model: what it says in turn, and what whenever a prompt holds certain words.

    ``ideas``, ``agreement``, ``vote``, ``judge``, ``synthesis`` and ``implementation`` stand for the prompts' own words.
    """
    words = {
        "ideas": "two ideas for",
        "agreement": "merge what several",
        "vote": "best base for a strategy",
        "judge": "judge which one",
        "synthesis": "combine the best parts",
        "implementation": "this agreed strategy",
        "repair": "something is wrong with it",
    }
    told = [{"when": words[name], **_reaction(what)} for name, what in when.items()]
    return {"reactions": [*told, *map(_reaction, said)]}


def _reaction(what):
    return what if isinstance(what, dict) else {"say": what}
