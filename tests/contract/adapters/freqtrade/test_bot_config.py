"""What bots are given is what Freqtrade and ccxt understand, and leaves no way to the internet."""

import ccxt
import pytest
from freqtrade.configuration.config_validation import validate_config_consistency, validate_config_schema
from freqtrade.enums import CandleType
from freqtrade.exchange import Binance, Exchange

from cfsm.adapters.freqtrade.dry_run.bot_config import Access, bot_config
from cfsm.domain.evaluation import Conditions

GATEWAY = "http://127.0.0.1:4711/live"


@pytest.fixture
def config():
    access = Access(4712, "user", "password", "secret" * 8, "token" * 8)
    return bot_config("bot", Conditions("any"), ("BTC/USDT:USDT",), GATEWAY, access, throttle_seconds=5)


def test_freqtrade_accepts_the_configuration(config):
    validate_config_schema(config)
    validate_config_consistency(config)

    assert config["dry_run"] is True
    assert config["exchange"]["key"] == config["exchange"]["secret"] == ""


def test_every_address_that_ccxt_knows_leads_to_the_gateway(config):
    given = config["exchange"]["ccxt_config"]["urls"]["api"]

    known = ccxt.binance().urls["api"]

    assert set(known) - set(given) <= {"ws"}  # websockets are switched off
    assert all(url.startswith(GATEWAY) for url in given.values())
    assert config["exchange"]["enable_ws"] is False


def test_the_api_listens_on_loopback_alone(config):
    assert config["api_server"]["listen_ip_address"] == "127.0.0.1"
    assert config["api_server"]["CORS_origins"] == []


class Unconnected(Binance):
    """Freqtrade's Binance, which has a configuration and nothing else."""

    def __init__(self, config):
        self._config = config

    def __del__(self):
        """Close nothing."""


def test_older_candles_come_from_the_gateway_too_and_not_from_binances_archive(config, monkeypatch):
    monkeypatch.setattr(Exchange, "get_historic_ohlcv", lambda *_, **__: "asked for")
    monkeypatch.setattr(Binance, "get_historic_ohlcv_fast", lambda *_, **__: "from the archive")

    assert Unconnected(config).get_historic_ohlcv("BTC/USDT:USDT", "5m", 0, CandleType.FUTURES) == "asked for"
