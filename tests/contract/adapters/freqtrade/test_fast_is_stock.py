"""The fast loop makes the trades of Freqtrade's own, whatever a strategy uses."""

import os

import pytest

from cfsm.adapters.templates import FAMILIES, render
from cfsm.domain.evaluation import Conditions, Job
from tests.fakes.random_strategies import NAME, random_strategy
from tests.fakes.strategy_texts import RIGHT

pytestmark = pytest.mark.filterwarnings("ignore")  # of Freqtrade and pandas, on behalf of odd strategies

WAYS = pytest.mark.parametrize("ordinary", [False, True], ids=["callbacks", "ordinary"])
QUICK, MANY = range(8), range(8, int(os.environ.get("CFSM_FUZZ_UNTIL", "120")))
CONDITIONS = {
    "one slot": Conditions(dataset="synthetic", max_open_trades=1),
    "two slots": Conditions(dataset="synthetic", max_open_trades=2, stake_amount=150.0),
    "small wallet": Conditions(dataset="synthetic", max_open_trades=3, stake_amount=40.0, dry_run_wallet=130.0),
    "part of the range": Conditions(dataset="synthetic", timerange="20250110T0300-20250205", max_open_trades=2),
}


@pytest.fixture(scope="module")
def engines(datasets, tmp_path_factory):
    from tests.contract.adapters.freqtrade.engines import Engines

    return Engines(datasets, tmp_path_factory.mktemp("scratch"))


def compare(engines, job):
    from tests.contract.adapters.freqtrade.engines import first_difference

    stock, fast = engines.both(job)
    assert first_difference(stock, fast) == ""
    return stock, fast


def drawn(seed, *, ordinary):
    conditions = list(CONDITIONS.values())[seed % len(CONDITIONS)]
    source = random_strategy(seed, ordinary=ordinary)
    return Job(f"random-{seed}{'-ordinary' * ordinary}", NAME, source.encode(), conditions)


@WAYS
@pytest.mark.parametrize("seed", QUICK)
def test_random_strategies_trade_alike(seed, ordinary, engines):
    compare(engines, drawn(seed, ordinary=ordinary))


@pytest.mark.slow
@WAYS
@pytest.mark.parametrize("seed", MANY)
def test_many_random_strategies_trade_alike(seed, ordinary, engines):
    compare(engines, drawn(seed, ordinary=ordinary))


@pytest.mark.parametrize("conditions", CONDITIONS)
def test_a_plain_strategy_is_skipped_through_and_trades(conditions, engines):
    job = Job(f"plain-{conditions.replace(' ', '-')}", "SampleStrategy", RIGHT.encode(), CONDITIONS[conditions])

    stock, fast = compare(engines, job)

    assert fast["skips"]
    assert len(stock["trades"]) > 5


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - {"scalping"}))
def test_families_trade_alike(family, engines):
    candidates = (render(family, "FamilyStrategy", seed) for seed in range(50))
    rendered = next(candidate for candidate in candidates if candidate.timeframe in {"15m", "1h", "4h"})
    conditions = CONDITIONS["two slots"]

    compare(engines, Job(f"family-{family}", rendered.name, rendered.source.encode(), conditions))


@pytest.mark.parametrize(
    "lines",
    [
        "    def bot_loop_start(self, current_time, **kwargs):\n        self.now = current_time\n",
        "    def should_exit(self, *args, **kwargs):\n        return super().should_exit(*args, **kwargs)\n",
        "    @property\n    def stoploss(self):\n        return -0.05\n\n    @stoploss.setter\n    def stoploss(self, value):\n        pass\n",
    ],
    ids=["bot_loop_start", "should_exit", "stoploss"],
)
def test_what_the_search_cannot_foresee_is_left_to_freqtrade(lines, engines, request):
    source = (
        RIGHT.replace("    stoploss = -0.08\n", "" if "stoploss" in lines else "    stoploss = -0.08\n") + "\n" + lines
    )

    _, fast = compare(
        engines, Job(request.node.callspec.id, "SampleStrategy", source.encode(), CONDITIONS["two slots"])
    )

    assert not fast["skips"]


def test_a_detail_timeframe_is_left_to_freqtrade(engines):
    conditions = Conditions(
        dataset="synthetic", timerange="20250110-20250125", timeframe_detail="15m", max_open_trades=2
    )

    _, fast = compare(engines, Job("detail", "SampleStrategy", RIGHT.encode(), conditions))

    assert not fast["skips"]


def test_the_fuzz_covers_every_callback():
    drawn = "".join(random_strategy(seed) for seed in [*QUICK, *MANY])

    assert [name for name in _CALLBACKS if f"def {name}(" not in drawn] == []


_CALLBACKS = (
    "leverage",
    "custom_stake_amount",
    "confirm_trade_entry",
    "confirm_trade_exit",
    "custom_entry_price",
    "custom_exit_price",
    "custom_exit",
    "custom_stoploss",
    "custom_roi",
    "adjust_trade_position",
    "order_filled",
    "adjust_order_price",
    "protections",
)
