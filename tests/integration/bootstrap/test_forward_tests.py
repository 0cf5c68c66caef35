"""Who is given a forward test, on which days, and held to what."""

from dataclasses import asdict
from datetime import UTC, date, datetime
from hashlib import sha256

import orjson
import pytest

from cfsm.bootstrap.forward_tests import CannotTest, replay_span, request, stop, waiting
from cfsm.domain.evaluation import Identity, Kind
from cfsm.domain.forward_test import ForwardTest
from cfsm.domain.promise import DAY_MS
from cfsm.domain.strategy import Reason
from cfsm.domain.trading_mode import Mode, ProductionRefused
from cfsm.projections.forward_tests import ForwardTestsView
from tests.fakes.forward_tests import HOUR_MS, conclude, trade
from tests.fakes.home import Cli, StoredStory, house_at
from tests.fakes.story import figures

BEST, GOOD, TRIED = (f"TrendStrategy_{letter}_20260101_000000" for letter in "abc")
WALKED = datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC)
CONFIGURATION = """\
forward_test: {candidates: backtested, replay_days: 2}
market_data: {dataset: small}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    from cfsm.adapters.market_data import DatasetStore

    folder = tmp_path_factory.mktemp("data")
    span = {"start": date(2025, 1, 1), "end": date(2025, 5, 1)}
    DatasetStore(folder).synthesise("small", pairs=("BTC/USDT:USDT",), timeframes=("1h",), **span)
    return folder


@pytest.fixture
def house(tmp_path, data):
    home = tmp_path / "home"
    home.mkdir()
    (home / "data").symlink_to(data)
    (home / "cfsm.yaml").write_text(CONFIGURATION)
    house = house_at(home)
    story = StoredStory(house.factory)
    for name, sr in ((GOOD, 0.1), (BEST, 0.3), (TRIED, 0.2)):
        backtest(house, story, name, sr)
    house.story = story
    return house


def backtest(house, story, name, sr, parameters=""):
    strategy = story.generate(name)
    story.validate(strategy)
    run = story.start(strategy, Kind.BACKTEST)
    begin = int(WALKED[0].timestamp() * 1000)
    trades = [trade(begin + number * 12 * HOUR_MS, 0.01 if number % 3 else -0.01) for number in range(60)]
    found = figures(
        sr,
        60,
        backtest_start=WALKED[0].isoformat(),
        backtest_end=WALKED[1].isoformat(),
        timeframe="1h",
        parts={"proof": {"run_id": "proof-run"}},
    )
    run.complete(
        verdict="backtested",
        identity=Identity("code", parameters, "data", "config", "engine"),
        result_hash=name,
        figures=found,
        findings=(),
        blobs={"trades": house.blobs.put(orjson.dumps([asdict(each) for each in trades]))},
        seconds=1.0,
        stamp=story.stamp(),
    )
    strategy.record_backtest(str(run.id), "20250301-20250401", name, found, story.stamp())
    story.record(run, strategy)


def ask(house, name, **facts):
    return request(house, house.factory, name, why="a test", **facts)


def test_the_best_wait_first(house):
    assert [each.name for each in waiting(house)] == [BEST, TRIED, GOOD]


def test_whoever_had_a_forward_test_waits_for_none(house):
    ask(house, TRIED)

    assert [each.name for each in waiting(house)] == [BEST, GOOD]


def test_it_is_held_to_the_walk_forward_days_and_tested_on_the_proof(house):
    test = ask(house, BEST)

    assert test.promise.trades == 60
    assert test.promise.days == 31
    proof = house.division.proof
    assert datetime.fromtimestamp(test.span.begin_ms / 1000, UTC).date() == proof.first
    assert test.span.end_ms - test.span.begin_ms == 2 * DAY_MS
    assert test.span.step_ms == HOUR_MS // 4
    assert test.same_days_run_id == "proof-run"
    assert test.rules.worse_error == 0.05


def test_a_span_is_no_longer_than_the_proof_or_than_so_many_candles(house):
    proof = house.division.proof

    whole, short = replay_span(house, 300), replay_span(house, 1, 6 * HOUR_MS)

    assert whole.end_ms - whole.begin_ms == proof.days * DAY_MS
    assert short.end_ms - short.begin_ms == 6 * HOUR_MS


def test_one_forward_test_at_a_time_and_then_the_next(house):
    first = ask(house, BEST)
    with pytest.raises(CannotTest, match="in a forward test already"):
        ask(house, BEST)

    test = house.factory.get(ForwardTest, first.id)
    conclude(test, house.story.stamp())
    house.story.record(test)

    assert ask(house, BEST).number == 2


def test_a_strategy_with_newer_parameters_waits_for_its_backtest(house):
    other = "TrendStrategy_e_20260101_000000"
    backtest(house, house.story, other, 0.4, parameters=sha256(b"{}").hexdigest())

    with pytest.raises(CannotTest, match="other parameters"):
        ask(house, other)


def test_without_a_backtest_there_is_no_promise(house):
    house.story.generate("TrendStrategy_f_20260101_000000")

    with pytest.raises(CannotTest, match="no backtest"):
        ask(house, "TrendStrategy_f_20260101_000000")


def test_real_orders_are_refused(house):
    with pytest.raises(ProductionRefused):
        ask(house, BEST, mode=Mode.PRODUCTION)


def test_without_held_back_days_there_is_no_replay(house):
    (house.path / "cfsm.yaml").write_text(CONFIGURATION + "walk_forward: {windows: 0}\n")

    with pytest.raises(CannotTest, match="no days are held back"):
        ask(house_at(house.path), BEST)


def test_a_person_asks_for_its_end(house):
    assert not stop(house, BEST, "enough")
    test = ask(house, BEST)

    assert stop(house, BEST, "enough")
    assert house.view(ForwardTestsView).latest(BEST).stop_wanted == "enough"
    assert house.factory.get(ForwardTest, test.id).stop_wanted == "enough"


@pytest.fixture
def cfsm(house, capfd):
    return Cli(house.path, capfd)


def test_the_list_shows_who_is_tested_and_who_waits(house, cfsm):
    ask(house, GOOD)

    told = cfsm("dryrun", "list", "--json").json

    assert [each["strategy_name"] for each in told["forward_tests"]] == [GOOD]
    assert [(each["place"], each["strategy"]) for each in told["waiting"]] == [(1, BEST), (2, TRIED)]
    assert "waits (1)" in cfsm("dryrun", "list").out


def test_a_forward_test_is_started_shown_and_stopped_by_hand(house, cfsm):
    started = cfsm("dryrun", "start", BEST, "--days", "0.5", "--mode", "debug")
    assert (started.code, started.out.strip()) == (0, f"{BEST}-1")

    story = cfsm("dryrun", "show", BEST, "--json").json
    assert (story["state"], story["mode"], story["why"]) == ("requested", "debug", "asked for by hand")
    assert "2025-04-08 12:00" in cfsm("dryrun", "show", BEST).out

    assert cfsm("dryrun", "stop", BEST, "--why", "enough").code == 0
    assert cfsm("dryrun", "logs", BEST).code == 1


@pytest.mark.parametrize(("configured", "options"), [("replay", ("--source", "live")), ("live", ())])
def test_a_live_test_of_so_many_days_begins_now(house, cfsm, configured, options):
    (house.path / "cfsm.yaml").write_text(CONFIGURATION.replace("replay_days: 2", f"source: {configured}"))
    before = datetime.now(UTC).timestamp() * 1000

    assert cfsm("dryrun", "start", BEST, "--days", "0.5", *options).code == 0

    story = cfsm("dryrun", "show", BEST, "--json").json
    assert story["source"] == "live"
    assert story["span"]["begin_ms"] >= int(before)
    assert story["span"]["end_ms"] - story["span"]["begin_ms"] == DAY_MS / 2


def test_a_concluded_forward_test_tells_its_verdict(house, cfsm):
    test = ask(house, BEST)
    from cfsm.domain.forward_account import Account, comparison_of, evidence_of_account, figures_of_account
    from cfsm.domain.forward_test import ForwardVerdict

    account = Account(test.span.end_ms, tuple(trade(test.span.begin_ms + n * HOUR_MS) for n in range(3)))
    evidence, shown = evidence_of_account(test, account), figures_of_account(test, account)
    test = house.factory.get(ForwardTest, test.id)
    test.conclude(
        ForwardVerdict.KEPT,
        "as promised",
        at_ms=account.at_ms,
        figures=shown,
        evidence=evidence,
        comparison=comparison_of(test, shown, evidence),
        agreement={},
        blobs={},
        stamp=house.story.stamp(),
    )
    house.story.record(test)

    out = cfsm("dryrun", "show", BEST).out
    assert "Verdict: kept. as promised" in out
    assert "40 would retire it" in out
    assert cfsm("dryrun", "list", "--all", "--json").json["forward_tests"][0]["verdict"] == "kept"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("start", BEST, "--mode", "production"), "CFSM sends no orders"),
        (("show", BEST), "had no forward test"),
        (("stop", BEST), "is in no forward test"),
    ],
)
def test_what_cannot_be_is_said(cfsm, arguments, words):
    told = cfsm("dryrun", *arguments)

    assert told.code == 1
    assert words in told.err


def test_without_a_factory_no_gateway_answers(cfsm):
    told = cfsm("market", "status")

    assert told.code == 75
    assert "cfsm run" in told.err


def test_a_retired_strategy_waits_for_nothing(house):
    from cfsm.domain.strategy import Strategy

    strategy = house.factory.get(Strategy, Strategy.id_of(BEST))
    house.story.retire(strategy, Reason.TOO_OLD)

    assert BEST not in [each.name for each in waiting(house)]
