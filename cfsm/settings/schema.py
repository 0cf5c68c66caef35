"""What can be configured: sections, keys, defaults, bounds and what each key means."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
)

from cfsm.domain.admission import AdmissionRules
from cfsm.domain.timeouts import TABLE, UNKNOWN_MODEL, Timeouts
from cfsm.settings.problems import Problem

MODEL = r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$"
PAIR = r"^[A-Z0-9]+/[A-Z0-9]+:[A-Z0-9]+$"
CURRENCY = r"^[A-Z0-9]+$"
CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
NAME = r"^[a-z0-9][a-z0-9_.-]*$"
HOST = r"^[A-Za-z0-9/:._-]+$"
URL = r"^https?://[A-Za-z0-9.:_\[\]-]+(/[A-Za-z0-9._~/-]*)?$"
WORD = r"^[^\x00-\x20\x7f]+$"
TIMERANGE = r"^([0-9]{8}-([0-9]{8})?|-[0-9]{8})$"
ABSOLUTE_PATH = r"^/[^\x00-\x1f\x7f]+$"

PATTERNS_IN_WORDS: Mapping[str, str] = MappingProxyType(
    {
        MODEL: "a model's name as Ollama spells it, such as 'phi3:mini'",
        PAIR: "a futures pair as Freqtrade spells it, such as 'BTC/USDT:USDT'",
        CURRENCY: "a currency in capitals, such as 'USDT'",
        CLOCK: "a time of day as 'HH:MM', such as '02:00'",
        NAME: "a short name of small letters, digits, '.', '_' and '-'",
        HOST: "a host's name, an address, or the folder of a unix socket",
        URL: "an address such as 'http://127.0.0.1:11434'",
        WORD: "one word without spaces",
        TIMERANGE: "a timerange of days, such as '20250101-20250601' or '20250101-'",
        ABSOLUTE_PATH: "a file's absolute path",
    }
)

DAY_SECONDS = 86_400
WEEK_SECONDS = 7 * DAY_SECONDS
YEAR_SECONDS = 366 * DAY_SECONDS


def _timerange(text: str) -> str:
    """The text itself, if its days are real and in order. Raise ValueError if they are not."""
    begin, end = (_day(part) for part in text.split("-"))
    if begin and end and begin >= end:
        raise ValueError("must be a timerange that ends after it begins")
    return text


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC) if text else None
    except ValueError:
        raise ValueError(f"must be a timerange of real days, as YYYYMMDD; {text} is none") from None


def _distinct(items: tuple[str, ...]) -> tuple[str, ...]:
    """The items themselves. Raise ValueError if one of them is there twice."""
    twice = next((item for place, item in enumerate(items) if item in items[:place]), None)
    if twice is not None:
        raise ValueError(f"must name everything once; {twice!r} is there twice")
    return items


def _one_or_many(value: object) -> object:
    """A list of one in place of a bare name."""
    return [value] if isinstance(value, str) else value


Flag = Annotated[bool, Field(strict=True)]
Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Timerange = Annotated[str, Field(pattern=TIMERANGE), AfterValidator(_timerange)]
AbsolutePath = Annotated[str, Field(pattern=ABSOLUTE_PATH, max_length=4096)]
Name = Annotated[str, Field(pattern=NAME, max_length=63)]
Word = Annotated[str, Field(pattern=WORD, max_length=40)]
Pair = Annotated[str, Field(pattern=PAIR, max_length=40)]
Model = Annotated[str, Field(pattern=MODEL, max_length=128)]
Models = Annotated[tuple[Model, ...], Field(max_length=32), AfterValidator(_distinct)]
StrategyType = Literal["volatility", "scalping", "breakout", "momentum", "mean_reversion", "trend"]
Timeframe = Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w"]
TimeoutSeconds = Annotated[Whole, Field(ge=1, le=DAY_SECONDS)]


class Section(BaseModel):
    """A group of keys that is handed as a whole to who needs it, and cannot be changed."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")


class Generation(Section):
    """How often strategies are made, which ones, and by whom."""

    interval_seconds: Whole = Field(
        3600,
        ge=0,
        le=YEAR_SECONDS,
        description="Time from one generated strategy to the next. 0: none by the clock.",
    )
    strategy_types: Annotated[tuple[StrategyType, ...], AfterValidator(_distinct)] = Field(
        ("volatility", "scalping", "breakout", "momentum", "mean_reversion", "trend"),
        min_length=1,
        description="Families that are generated, in turn.",
    )
    models: Models = Field((), description="Ollama's models that write strategies. Empty: predefined strategies only.")
    auto_validation: Flag = Field(
        default=True, description="Validate a strategy as soon as it is generated, by executing it."
    )
    mode: Literal["single", "sampling", "contest", "voting", "consensus"] = Field(
        "single",
        description="How models make one strategy. single: one model writes it. sampling: one model writes several, "
        "the best is taken. contest: each writes one, the best is taken. voting: the strongest joins the best parts "
        "of all. consensus: from agreed ideas.",
    )
    channel: Literal["alternate", "blueprint", "source"] = Field(
        "alternate",
        description="In which form models write. blueprint: a form that is rendered as a class. source: the class "
        "itself. alternate: either, drawn for each strategy, so that the two can be compared.",
    )
    samples: Whole = Field(3, ge=2, le=16, description="Strategies that one model writes in the mode sampling.")
    repair_rounds: Whole = Field(
        3, ge=0, le=3, description="How often a model is asked at most to mend what it wrote, or to write it again."
    )
    opinions: Flag = Field(
        default=True, description="Let the strongest model comment on a strategy's first backtest. It decides nothing."
    )
    parallel_generation_count: Whole = Field(
        3, ge=1, le=16, description="Models that write at the same time in the modes of several models."
    )
    seed: Whole = Field(1, ge=0, le=2**53, description="Seed of the parameters drawn for predefined strategies.")


class ModelSelection(Section):
    """Which of the models do what. An empty list means every model of generation.models."""

    generation: Annotated[Models, BeforeValidator(_one_or_many)] = Field(
        (), description="Models that write strategies."
    )
    validation: Annotated[Models, BeforeValidator(_one_or_many)] = Field(
        (), description="Models that repair what the validator refuses."
    )
    optimization: Annotated[Models, BeforeValidator(_one_or_many)] = Field(
        (), description="Models that join, judge and comment on results, strongest first."
    )


class Backtest(Section):
    """On what, and under which limits, strategies are backtested."""

    auto_backtest: Flag = Field(default=True, description="Backtest a strategy as soon as it is validated.")
    interval_seconds: Whole = Field(
        7200,
        ge=0,
        le=YEAR_SECONDS,
        description="Time after which a strategy in service is backtested again. 0: never by the clock.",
    )
    timerange: Timerange | None = Field(
        None, description="Part of the candles that strategies are tested on, as Freqtrade writes it. null: all."
    )
    pairs: Annotated[tuple[Pair, ...], Field(max_length=500), AfterValidator(_distinct)] = Field(
        (), description="Pairs traded, as Freqtrade spells them. Empty: every pair of the data set."
    )
    timeframe: Timeframe | None = Field(
        None, description="Timeframe of the candles, in place of the strategy's own. null: the one it asks for."
    )
    timeframe_detail: Timeframe | None = Field(
        None, description="Smaller timeframe in which open trades are followed. null: none."
    )
    stake_currency: Annotated[str, Field(pattern=CURRENCY, max_length=12)] = Field(
        "USDT", description="Currency of the wallet and of the stakes."
    )
    dry_run_wallet: Number = Field(1000, gt=0, le=1e12, description="Balance at the start, in stake_currency.")
    stake_amount: Annotated[Number, Field(gt=0, le=1e12)] | Literal["unlimited"] = Field(
        "unlimited",
        description="Stake of one trade in stake_currency; unlimited: the balance divided by max_open_trades.",
    )
    max_open_trades: Whole = Field(5, ge=1, le=1000, description="Trades open at the same time, at most.")
    tradable_balance_ratio: Number = Field(0.99, gt=0, le=1, description="Share of the balance that may be staked.")
    enable_protections: Flag = Field(default=True, description="Obey the protections that a strategy sets for itself.")
    fee: Annotated[Number, Field(ge=0, le=0.1)] | None = Field(
        None, description="Fee of an order as a ratio (0.0005 is 0.05 %). null: the exchange's."
    )
    timeout_seconds: TimeoutSeconds = Field(600, description="Time after which a run of a strategy is ended.")
    validation_timeout_seconds: TimeoutSeconds = Field(
        60,
        description="Processor time after which a validation is ended; it may last up to four times as long.",
    )
    memory_mb: Whole = Field(3072, ge=256, le=1_048_576, description="Memory above which a run of a strategy is ended.")


class Selection(Section):
    """What a strategy must show before it counts as good."""

    min_backtest_score: Number = Field(
        0.1,
        ge=-100,
        le=100,
        description="Score (yearly Sharpe ratio of the daily equity) below which a strategy is retired as weak.",
    )
    minimum_trades: Whole = Field(
        30, ge=1, le=1_000_000, description="Trades below which a strategy is shown as not proven."
    )
    deflated_probability: Number = Field(
        0.95,
        ge=0.5,
        lt=1,
        description="Probability that the Sharpe ratio is more than the luck of all trials, below which a "
        "strategy is shown as not proven.",
    )
    out_of_sample_required: Flag = Field(
        default=True, description="Show as not proven what has no result on candles that selection never saw."
    )


class WalkForward(Section):
    """How the days are divided: screening, then windows out of sample, then a proof that no selection sees."""

    screening_percent: Whole = Field(
        50, ge=10, le=80, description="Share of the days on which strategies are chosen and optimised."
    )
    windows: Whole = Field(
        3, ge=0, le=50, description="Windows after screening, from which scores come. 0: no day is set apart."
    )
    proof_percent: Whole = Field(
        20, ge=5, le=50, description="Share of the days, the last ones, that optimisation and selection never see."
    )
    minimum_days: Whole = Field(
        30, ge=10, le=36_500, description="Days below which nothing is divided and everything counts as in sample."
    )


SPACE_NAMES = Literal["buy", "sell", "enter", "exit", "roi", "stoploss", "trailing", "protection"]


class Optimization(Section):
    """How better parameters are sought, and what they must show to be used."""

    auto_optimization: Flag = Field(
        default=True, description="Optimise each strategy once, when its score out of sample is above the gate."
    )
    epochs: Whole = Field(100, ge=1, le=100_000, description="Epochs of hyperopt at most.")
    seconds: Number = Field(600, ge=0, le=WEEK_SECONDS, description="Time for them at most. 0: as long as they take.")
    spaces: Annotated[tuple[SPACE_NAMES, ...], AfterValidator(_distinct)] = Field(
        ("buy", "sell", "enter", "exit", "roi", "stoploss", "trailing", "protection"),
        min_length=1,
        description="Spaces that are searched, as Freqtrade names them.",
    )
    seed: Whole = Field(1, ge=0, le=2**32 - 1, description="Seed of the search: the same seed tries the same epochs.")
    parallel_trials: Whole = Field(0, ge=0, le=256, description="Sandboxes side by side. 0: one for each core.")
    minimum_trades: Whole = Field(
        10, ge=1, le=1_000_000, description="Trades below which an epoch, or the result out of sample, counts nothing."
    )
    better_probability: Number = Field(
        0.9,
        ge=0.5,
        lt=1,
        description="Probability that found parameters are better out of sample, below which the original stays.",
    )


class Retention(Section):
    """When strategies are retired to make room."""

    max_strategies: Whole = Field(
        50, ge=1, le=100_000, description="Strategies in service at most; the weakest beyond it are retired."
    )
    max_strategy_age_days: Whole = Field(30, ge=1, le=36_500, description="Age at which a strategy is retired.")
    cleanup_old_strategies: Flag = Field(default=True, description="Retire old, weak and surplus strategies every day.")
    cleaning_time: Annotated[str, Field(pattern=CLOCK)] = Field(
        "02:00", description="Time of day of the cleaning, in the machine's local time."
    )


class ForwardTest(Section):
    """Forward tests: bots of Freqtrade trade on paper what the backtests chose."""

    mode: Literal["shadow", "debug", "production"] = Field(
        "shadow",
        description="shadow: on paper. debug: so too, and the bot says more. production: refused, no orders are sent.",
    )
    source: Literal["replay", "live"] = Field(
        "replay", description="replay: held-back candles, as fast as it goes. live: the exchange, in real time."
    )
    candidates: Literal["optimized", "backtested", "none"] = Field(
        "optimized",
        description="Strategies that are tested by themselves, best first. backtested: those that were not optimised "
        "too. none: only those that a person names.",
    )
    max_bots: Whole = Field(1, ge=0, le=200, description="Bots at the same time; the others wait, best first.")
    replay_days: Number = Field(
        3, gt=0, le=365, description="Days of a replay: the first ones of the range that is held back as proof."
    )
    live_days: Number = Field(14, gt=0, le=3650, description="Days of a forward test on the live exchange.")
    spread_bps: Number = Field(
        1, ge=0, le=1000, description="Spread of the book that a replay declares, in hundredths of a percent."
    )
    seed: Whole = Field(0, ge=0, le=2**31, description="Seed of the price's way through a candle in a replay.")
    worse_error_percent: Number = Field(
        5, gt=0, lt=50, description="Strategies that keep their promise and are retired for breaking it, at most."
    )
    edge_error_percent: Number = Field(
        5, gt=0, lt=50, description="Strategies without an edge that are confirmed to have one, at most."
    )
    observe_seconds: Whole = Field(
        21_600,
        ge=60,
        le=30 * DAY_SECONDS,
        description="Time on the bot's clock from one recorded observation to the next.",
    )
    look_seconds: Number = Field(2, ge=0.1, le=3600, description="Time from one look at a bot to the next.")
    stall_seconds: Whole = Field(
        300, ge=5, le=DAY_SECONDS, description="Silence or standstill after which a bot counts as hung."
    )
    bot_memory_mb: Whole = Field(
        1536, ge=512, le=65_536, description="Address space of one bot's process; it takes far less in fact."
    )


class MarketGateway(Section):
    """The market as bots see it: one server on loopback, and the exchange behind it."""

    port: Whole = Field(0, ge=0, le=65_535, description="Port on loopback. 0: any, and the same again next time.")
    upstream: Annotated[str, Field(pattern=URL, max_length=500)] = Field(
        "https://fapi.binance.com", description="Address of the live exchange's REST API."
    )
    weight_per_minute: Whole = Field(
        1200, ge=10, le=100_000, description="Weight of requests a minute at most; Binance allows 2400 to an address."
    )
    cache_mb: Whole = Field(64, ge=1, le=65_536, description="Memory of the cache of answers, compressed.")
    timeout_seconds: Number = Field(10, ge=0.1, le=600, description="Time that the exchange has to answer.")


Instances = Annotated[Whole, Field(ge=0, le=64)]
OneInstance = Annotated[Whole, Field(ge=0, le=1)]


class WorkerInstances(Section):
    """Processes of each role on this machine. 0 leaves the role to another machine."""

    generator: Instances = Field(1, description="Processes that generate strategies.")
    validator: Instances = Field(1, description="Processes that validate strategies.")
    backtester: Instances = Field(1, description="Processes that backtest strategies.")
    optimizer: Instances = Field(1, description="Processes that seek better parameters of strategies.")
    cleaner: OneInstance = Field(1, description="Processes that retire strategies.")
    coordinator: OneInstance = Field(1, description="Processes that plan the tasks of the others.")
    projector: OneInstance = Field(1, description="Processes that keep what is shown up to date.")
    metrics: OneInstance = Field(0, description="Processes that serve metrics to Prometheus.")
    gateway: OneInstance = Field(1, description="Processes that serve the market to bots.")
    dry_runner: OneInstance = Field(1, description="Processes that run bots for forward tests.")


class Workers(Section):
    """How workers claim tasks, are watched, and are started again."""

    instances: WorkerInstances = Field(WorkerInstances(), description="Processes of each role on this machine.")
    lease_seconds: Whole = Field(
        90, ge=2, le=DAY_SECONDS, description="Time after which the task of a silent worker is given to another."
    )
    max_attempts: Whole = Field(
        3, ge=1, le=100, description="Attempts after which a task that keeps failing is parked."
    )
    retry_seconds: Whole = Field(
        10, ge=0, le=DAY_SECONDS, description="Pause before a failed task is tried again; doubled each time."
    )
    watchdog_seconds: Whole = Field(
        30, ge=1, le=3600, description="Silence after which a worker is taken for hung, killed and started again."
    )
    restart_backoff_first_seconds: Number = Field(
        0.1, ge=0, le=3600, description="Pause before a worker that died is started again; doubled each time."
    )
    restart_backoff_most_seconds: Number = Field(
        30, ge=0, le=DAY_SECONDS, description="The longest pause before a worker is started again."
    )
    start_timeout_seconds: Whole = Field(
        120, ge=1, le=3600, description="Time that a worker has to become ready before it is killed."
    )
    stop_timeout_seconds: Whole = Field(
        20, ge=1, le=3600, description="Time that a worker has to stop by itself before it is killed."
    )
    backtester_most: Annotated[Whole, Field(ge=0, le=64)] | None = Field(
        None,
        description="Processes that backtest at most. More than instances.backtester are started while backtests wait "
        "and the machine has room, and end when nothing waits. null: as many as the machine has cores.",
    )
    on_demand: Annotated[tuple[Literal["cleaner", "optimizer", "gateway"], ...], AfterValidator(_distinct)] = Field(
        ("cleaner", "optimizer", "gateway"),
        description="Roles whose processes run only while there are tasks for them; of the gateway, while there are "
        "forward tests. It needs a coordinator on this machine.",
    )
    reserve_idle_seconds: Whole = Field(
        60, ge=1, le=DAY_SECONDS, description="Time without tasks after which a process that was started for them ends."
    )
    forge_idle_seconds: Whole = Field(
        0,
        ge=0,
        le=DAY_SECONDS,
        description="Time without work after which the forge ends and frees its memory, to start in seconds when it is "
        "needed. 0: it is always ready.",
    )


class Monitoring(Section):
    """When a worker counts as unwell, and how the factory is watched from outside."""

    worker_memory_mb: Whole = Field(
        500, ge=64, le=1_048_576, description="Memory above which a worker's health score falls."
    )
    metrics_port: Whole = Field(
        9464, ge=1, le=65_535, description="Port on 127.0.0.1 at which metrics are served, by instances.metrics."
    )
    lag_events: Whole = Field(
        500, ge=1, le=1_000_000, description="Events that a projector may be behind before its health score falls."
    )


class Store(Section):
    """Where events are kept."""

    engine: Literal["sqlite", "postgres"] = Field(
        "sqlite", description="sqlite: one file under CFSM_HOME. postgres: a server, for several machines."
    )
    host: Annotated[str, Field(pattern=HOST, max_length=253)] = Field("localhost", description="PostgreSQL's host.")
    port: Whole = Field(5432, ge=1, le=65_535, description="PostgreSQL's port.")
    dbname: Name = Field("cfsm", description="PostgreSQL's database.")
    user: Name = Field("cfsm", description="PostgreSQL's user.")
    password: Annotated[SecretStr, Field(min_length=1, max_length=1024)] | None = Field(
        None, description="PostgreSQL's password. Better kept in a file of its own: see password_file."
    )
    password_file: AbsolutePath | None = Field(
        None, description="File that holds PostgreSQL's password on its first line."
    )
    connect_timeout_seconds: Whole = Field(10, ge=1, le=600, description="Time to wait for PostgreSQL to answer.")
    pool_size: Whole = Field(5, ge=3, le=100, description="Connections that one process holds at most.")


class PromptTimeouts(Section):
    """How long a model may write, by the complexity of the prompt."""

    fast: TimeoutSeconds = Field(300, description="For a simple prompt.")
    normal: TimeoutSeconds = Field(600, description="For a normal prompt.")
    complex: TimeoutSeconds = Field(900, description="For a complex prompt.")


class Complexity(Section):
    """Which prompts are simple (no code and below both fast limits), normal (below both normal limits) or complex."""

    fast_below_characters: Whole = Field(200, ge=0, le=1_000_000, description="A simple prompt is shorter than this.")
    fast_below_instructions: Whole = Field(
        2, ge=0, le=1000, description="A simple prompt has fewer instructions than this."
    )
    normal_below_characters: Whole = Field(800, ge=0, le=1_000_000, description="A normal prompt is shorter than this.")
    normal_below_instructions: Whole = Field(
        5, ge=0, le=1000, description="A normal prompt has fewer instructions than this."
    )
    instruction_words: Annotated[tuple[Word, ...], Field(max_length=50), AfterValidator(_distinct)] = Field(
        ("Includi", "Genera", "Include", "Generate"),
        description="Words that are counted as instructions, in upper and lower case as written.",
    )


TimeoutTable = Annotated[Mapping[Model, PromptTimeouts], Field(max_length=100)]


def _row(limits: Timeouts) -> PromptTimeouts:
    return PromptTimeouts(fast=limits.fast, normal=limits.normal, complex=limits.complex)


class Ollama(Section):
    """The server of local language models, and how long it may take."""

    host: Annotated[str, Field(pattern=URL, max_length=500)] = Field(
        "http://127.0.0.1:11434", description="Address of the Ollama server."
    )
    default_timeouts_seconds: PromptTimeouts = Field(
        _row(UNKNOWN_MODEL), description="Time limits of models that timeouts_seconds does not name."
    )
    timeouts_seconds: TimeoutTable = Field(
        {model: _row(limits) for model, limits in TABLE.items()},
        description="Time limits by model, for simple (fast), normal and complex prompts. A name without a tag "
        "(phi3) speaks for all its tags (phi3:mini) that have no entry of their own.",
    )
    complexity: Complexity = Field(Complexity(), description="Which prompts are simple, normal or complex.")
    first_token_seconds: TimeoutSeconds = Field(
        600, description="Silence at the beginning (a model is loaded and reads) after which an answer is given up."
    )
    idle_seconds: TimeoutSeconds = Field(120, description="Silence in an answer after which it is given up.")
    num_ctx: Whole = Field(
        4096, ge=4096, le=131_072, description="Context of the models: tokens of prompt and answer together."
    )
    temperature: Number = Field(0.7, ge=0, le=2, description="How freely models draw their words.")
    memory_mb: Annotated[Whole, Field(ge=1, le=100_000_000)] | None = Field(
        None,
        description="Memory that models may take together. null: what is available on this machine, which says "
        "nothing about a graphics card or another host.",
    )


class MarketData(Section):
    """The candles that strategies are tested on."""

    dataset: Name = Field("synthetic", description="Name of the data set, as `cfsm data list` shows it.")


RULES = AdmissionRules()
Percent = Annotated[Number, Field(ge=0, le=100)]


class Admission(Section):
    """When the machine is too busy for new work to start; work in flight goes on. null switches a limit off."""

    min_memory_available_mb: Whole = Field(
        RULES.min_memory_available_mb,
        ge=0,
        le=10_000_000,
        description="Available memory below which nothing new starts.",
    )
    min_disk_free_mb: Whole = Field(
        RULES.min_disk_free_mb,
        ge=0,
        le=1_000_000_000,
        description="Free space under CFSM_HOME below which nothing new starts.",
    )
    max_psi_cpu_some_percent: Percent | None = Field(
        RULES.max_psi_cpu_some_percent,
        description="Time in which some process waits for a core (PSI), above which nothing new starts.",
    )
    max_psi_memory_full_percent: Percent | None = Field(
        RULES.max_psi_memory_full_percent,
        description="Time in which all processes wait for memory (PSI), above which nothing new starts.",
    )
    max_cpu_percent: Percent | None = Field(
        RULES.max_cpu_percent,
        description="Use of all cores above which nothing new starts. Off by default: it reaches 100 with healthy "
        "work, while pressure says who waits.",
    )
    max_temperature_celsius: Annotated[Number, Field(ge=0, le=150)] | None = Field(
        RULES.max_temperature_celsius,
        description="Temperature above which nothing new starts, on machines that measure it.",
    )
    window_seconds: Number = Field(2, ge=0.1, le=600, description="Time over which use and pressure are measured.")


class Settings(Section):
    """Everything that can be configured."""

    profile: Name = Field(
        "standard",
        description="Overlay between the defaults and this file: standard, cpu_optimized, safe, cooperative.",
    )
    generation: Generation = Generation()
    model_selection: ModelSelection = ModelSelection()
    backtest: Backtest = Backtest()
    walk_forward: WalkForward = WalkForward()
    selection: Selection = Selection()
    optimization: Optimization = Optimization()
    retention: Retention = Retention()
    forward_test: ForwardTest = ForwardTest()
    market_gateway: MarketGateway = MarketGateway()
    workers: Workers = Workers()
    monitoring: Monitoring = Monitoring()
    store: Store = Store()
    ollama: Ollama = Ollama()
    market_data: MarketData = MarketData()
    admission: Admission = Admission()

    _origins: Mapping[str, str] = PrivateAttr(default_factory=dict)
    _notices: tuple[Problem, ...] = PrivateAttr(default=())

    @property
    def origins(self) -> Mapping[str, str]:
        """The place that each value comes from, by key; values that are defaults are left out."""
        return self._origins

    @property
    def notices(self) -> tuple[Problem, ...]:
        """What was said and has no effect, in order; nothing is wrong with it."""
        return self._notices

    def read_from(self, origins: Mapping[str, str], notices: Iterable[Problem] = ()) -> "Settings":
        """The same settings, with the places that their values come from and what has no effect."""
        copy = self.model_copy()
        copy._origins, copy._notices = dict(origins), tuple(notices)  # noqa: SLF001 - a copy of its own
        return copy
