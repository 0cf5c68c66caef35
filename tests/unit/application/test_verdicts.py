"""What the log says of evaluations that ended."""

from dataclasses import asdict

import orjson
import pytest

from cfsm.adapters.blobs import BlobFolder
from cfsm.application.history import told
from cfsm.application.verdicts import BACKTESTED, BROKEN, NO_PARAMETERS, stored_trades, verdicts_of
from cfsm.domain.evaluation import Identity, Kind
from cfsm.domain.trades import BadTrade
from tests.fakes.story import FINDING, Story, figures
from tests.fakes.trades import a_trade

IDENTITY = Identity("code", NO_PARAMETERS, "data", "config", "engine")


def verdicts(story):
    return verdicts_of(map(told, story.log.entries))


def test_verdicts_come_in_order_with_what_they_were_made_of():
    story = Story()
    strategy = story.generate()
    validation = story.validate(strategy)
    backtest = story.backtest(strategy, figures(0.2))

    first, second = verdicts(story)

    assert [each.run_id for each in (first, second)] == [validation.id.hex, backtest.id.hex]
    assert (first.kind, first.verdict) == (Kind.VALIDATION, "accepted")
    assert (second.kind, second.verdict, second.parameters_hash) == (Kind.BACKTEST, BACKTESTED, "")
    assert second.conditions.dataset == "synth-1"
    assert second.conditions.pairs == ()
    assert second.figures["sr"] == 0.2
    assert second.strategy_name == strategy.name


def test_a_backtest_that_broke_is_a_verdict_without_an_identity():
    story = Story()
    strategy = story.generate()
    story.optimize(strategy_in_service(story, strategy), "hash of parameters")
    story.fail(story.start(strategy, key="2"))

    broken = verdicts(story)[-1]

    assert (broken.verdict, broken.identity) == (BROKEN, None)
    assert broken.parameters_hash == "hash of parameters"
    assert [each["code"] for each in broken.findings] == [FINDING.code]


def strategy_in_service(story, strategy):
    story.validate(strategy)
    story.backtest(strategy)
    return strategy


def test_a_run_that_is_under_way_or_was_called_off_is_no_verdict():
    story = Story()
    strategy = story.generate()
    story.start(strategy, key="under way")
    called_off = story.start(strategy, key="called off")
    called_off.fail("called off: the strategy was retired", (), story.stamp())
    story.record(called_off)

    assert verdicts(story) == []


def test_the_parameters_are_those_of_the_identity():
    story = Story()
    run = story.start(story.generate())
    run.complete(
        verdict=BACKTESTED,
        identity=Identity("code", "hash of parameters", "data", "config", "engine"),
        result_hash="",
        figures={},
        findings=[],
        blobs={},
        seconds=1.0,
        stamp=story.stamp(),
    )
    story.record(run)

    assert verdicts(story)[0].parameters_hash == "hash of parameters"


@pytest.fixture
def backtest(tmp_path):
    """Give the verdict of a backtest whose blob of trades is this, and the blobs."""

    def record(content):
        blobs = BlobFolder(tmp_path)
        story = Story()
        run = story.start(story.generate())
        run.complete(
            verdict=BACKTESTED,
            identity=IDENTITY,
            result_hash="",
            figures={},
            findings=[],
            blobs={"trades": blobs.put(content)},
            seconds=1.0,
            stamp=story.stamp(),
        )
        story.record(run)
        return verdicts(story)[0], blobs

    return record


def test_trades_come_back_as_they_were_kept(backtest):
    kept = (a_trade(), a_trade(is_short=True, enter_tag="<b>", profit_abs=-0.1 - 0.2))

    assert stored_trades(*backtest(orjson.dumps([asdict(trade) for trade in kept]))) == kept


@pytest.mark.parametrize("content", [b"", b"{", b"7", b"[1]", b'["x"]', b'{"a": 1}', b'[{"pair": "BTC/USDT:USDT"}]'])
def test_what_are_no_trades_is_refused(backtest, content):
    with pytest.raises(BadTrade):
        stored_trades(*backtest(content))
