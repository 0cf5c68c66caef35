"""``cfsm forge`` on files of one's own, with a scripted engine in the forge's place."""

import orjson
import pytest

from cfsm.adapters.freqtrade.protocol import Said
from cfsm.adapters.market_data import DatasetStore
from cfsm.application.ports import TryAgain
from tests.fakes.command_engine import CommandEngine
from tests.fakes.strategy_texts import NAME, at_top, in_indicators, right


@pytest.fixture
def cfsm(new, datasets):
    """Call a command on a home that has candles and no past."""
    new.home.mkdir()
    (new.home / "data").symlink_to(datasets)
    return new


@pytest.fixture(autouse=True)
def engine(monkeypatch, request):
    if request.node.get_closest_marker("slow"):
        return None
    scripted = CommandEngine()
    monkeypatch.setattr("cfsm.cli.engines.open_engine", scripted.open)
    return scripted


@pytest.fixture
def file(tmp_path):
    def write(source, name="mine.py"):
        path = tmp_path / name
        path.write_bytes(source)
        return path

    return write


def test_a_right_strategy_is_accepted_and_the_exit_code_says_so(cfsm, file):
    path = file(right())

    result = cfsm("forge", "validate", path, "--json")

    assert result.code == 0
    (answer,) = result.json_lines
    assert (answer["file"], answer["verdict"], answer["findings"]) == (str(path), "accepted", [])
    assert (answer["strategy"], answer["seconds"]) == (NAME, 0.01)


def test_many_files_are_answered_in_their_order_with_one_line_each(cfsm, file):
    files = [
        file(right(), "right.py"),
        file(at_top("import os"), "unsafe.py"),
        file(in_indicators('raise KeyError("rsi")'), "broken.py"),
        file(b"", "empty.py"),
        file(b"Dear sir,\n", "prose.py"),
    ]

    result = cfsm("forge", "validate", *files, "--json")

    assert result.code == 1
    answers = result.json_lines
    assert [answer["file"] for answer in answers] == [str(path) for path in files]
    assert [answer["verdict"] for answer in answers] == ["accepted", "unsafe", "rejected", "rejected", "rejected"]
    codes = [[(found["code"], found["line"]) for found in answer["findings"]] for answer in answers]
    assert codes == [
        [],
        [("POLICY_IMPORT", 1)],
        [("INDICATORS_FAILED", 16)],
        [("CLASS_NAME", 1)],
        [("SOURCE_SYNTAX", 1)],
    ]
    assert all(found["what_to_do"] for answer in answers for found in answer["findings"])


def test_what_is_no_strategy_and_unsafe_is_unsafe(cfsm, file):
    result = cfsm("forge", "validate", file(b"import os\nos.system('true')\n"), "--json")

    assert result.json["verdict"] == "unsafe"


def test_files_that_no_engine_can_be_asked_about_start_none(cfsm, file, engine):
    result = cfsm("forge", "validate", file(b"\x00"), "--json")

    assert (result.json["verdict"], engine.opened) == ("rejected", 0)


def test_for_people_a_verdict_is_a_line_with_its_findings_below(cfsm, file):
    path = file(at_top("import os"))

    result = cfsm("forge", "validate", path)

    first, second = result.out.splitlines()
    assert first.startswith(f"unsafe    {path}")
    assert second.strip() == "POLICY_IMPORT line 1: `os` is not for strategies Do without it."


def test_findings_move_no_terminals_cursor(cfsm, file):
    result = cfsm("forge", "validate", file(in_indicators('raise KeyError("\x1b[2J")')))

    assert "INDICATORS_FAILED" in result.out
    assert "\x1b" not in result.out


def test_every_engine_that_was_opened_is_closed(cfsm, file, engine):
    cfsm("forge", "validate", file(right()), file(b"raise SystemExit\n", "other.py"))

    assert engine.opened == engine.closed > 0


def test_a_world_that_is_down_stops_neither_the_other_files_nor_the_exit_code(cfsm, file):
    down = file(right() + b"# world: down\n", "down.py")

    result = cfsm("forge", "validate", down, file(right(), "right.py"), "--json")

    assert result.code == 75
    assert [answer["verdict"] for answer in result.json_lines] == ["accepted"]
    assert f"{down}: The world is down" in result.err


def test_a_dataset_that_is_not_there_is_a_matter_of_configuration(cfsm, file):
    result = cfsm("forge", "validate", file(right()), "--dataset", "nowhere")

    assert result.code == 78
    assert "there is no dataset 'nowhere'" in result.err


def test_the_synthetic_market_is_made_where_it_is_not_there(new, file, monkeypatch):
    made = []
    monkeypatch.setattr(DatasetStore, "synthesise", lambda _, name, **__: made.append(name))

    new("forge", "validate", file(right()))

    assert made == ["synthetic"]


def test_a_backtest_gives_trades_figures_and_what_they_are_a_function_of(cfsm, file):
    result = cfsm("forge", "backtest", file(right()), "--json")

    assert result.code == 0
    answer = result.json
    assert answer["metrics"]["total_trades"] == len(answer["trades"]) == 20
    assert answer["metrics"]["freqtrade"]["profit_factor"] == 1.5
    assert answer["metrics"]["sharpe_daily"] != answer["metrics"]["freqtrade"]["sharpe"]
    assert {"pair", "open_date", "close_date", "profit_abs", "exit_reason"} <= answer["trades"][0].keys()
    assert len(answer["result_hash"]) == 64
    assert answer["engine"] == answer["identity"]["engine"] == "fake-1/scripted/1"
    assert answer["stages"] == {"backtesting": 0.01}
    assert answer["data"] == {"dataset": "synthetic", "label": "synthetic", "kind": "synthetic"}


def test_a_backtest_runs_under_the_conditions_that_are_given(cfsm, file, engine):
    result = cfsm(
        *("forge", "backtest", file(right()), "--json", "--timerange", "20250101-20250201"),
        *("--pairs", "BTC/USDT:USDT,ETH/USDT:USDT", "--pair", "SOL/USDT:USDT"),
        *("--timeframe", "1h", "--timeframe-detail", "15m", "--max-open-trades", "2"),
        *("--stake-amount", "100", "--wallet", "5000", "--stock"),
    )

    assert result.code == 0
    conditions = engine.jobs[-1].conditions
    assert conditions.pairs == ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT")
    assert (conditions.timerange, conditions.timeframe, conditions.timeframe_detail) == (
        "20250101-20250201",
        "1h",
        "15m",
    )
    assert (conditions.max_open_trades, conditions.stake_amount, conditions.dry_run_wallet) == (2, 100.0, 5000.0)
    assert result.json["metrics"]["starting_balance"] == 5000.0
    assert engine.stock


def test_what_is_not_given_is_as_configured(cfsm, file, engine):
    cfsm("forge", "backtest", file(right()))

    conditions = engine.jobs[-1].conditions
    assert (conditions.dataset, conditions.pairs, conditions.stake_amount) == ("synthetic", (), "unlimited")
    assert not engine.stock


@pytest.mark.parametrize(("command", "wall", "cpu"), [("validate", 240, 60), ("backtest", 600, 600)])
def test_a_run_ends_after_the_time_that_is_given(cfsm, file, engine, command, wall, cpu):
    cfsm("forge", command, file(right()), "--timeout", "7")
    cfsm("forge", command, file(right()))

    given, configured = (job.limits for job in engine.jobs)
    assert (given.wall_seconds, given.cpu_seconds) == (7, 7)
    assert (configured.wall_seconds, configured.cpu_seconds) == (wall, cpu)


@pytest.mark.parametrize("amount", ["much", "-5", "0", "nan", "inf"])
def test_a_stake_that_is_no_amount_is_wrong_usage(cfsm, file, amount):
    result = cfsm("forge", "backtest", file(right()), f"--stake-amount={amount}")

    assert result.code == 2
    assert "neither an amount nor" in result.err


def test_a_strategy_that_cannot_be_backtested_says_why(cfsm, file):
    broken, unsafe = file(in_indicators("raise KeyError()"), "broken.py"), file(at_top("import os"), "unsafe.py")

    result = cfsm("forge", "backtest", broken, unsafe, file(b"text", "text.py"), "--json")

    assert result.code == 1
    assert [(answer["verdict"], answer["findings"][0]["code"]) for answer in result.json_lines] == [
        ("rejected", "INDICATORS_FAILED"),
        ("unsafe", "POLICY_IMPORT"),
        ("rejected", "CLASS_NAME"),
    ]


def test_the_parameters_beside_a_strategy_are_used_as_freqtrade_does(cfsm, file, engine):
    parameters = orjson.dumps({"strategy_name": NAME, "params": {"buy": {"window": 5}}})
    file(parameters, "mine.json")

    result = cfsm("forge", "backtest", file(right()))

    assert engine.jobs[-1].parameters == parameters.decode()
    assert "with the parameters of mine.json" in result.err


@pytest.mark.parametrize("beside", [b"{", b"[]", b'{"label": "hostile"}', b'{"strategy_name": "Other", "params": {}}'])
def test_what_else_lies_beside_a_strategy_is_left_alone(cfsm, file, engine, beside):
    file(beside, "mine.json")

    cfsm("forge", "backtest", file(right()))

    assert engine.jobs[-1].parameters is None


def test_a_synthetic_market_by_another_name_is_called_synthetic(cfsm, file):
    cfsm("data", "synth", "--name", "other", "--start", "2025-01-01", "--end", "2025-01-03")

    result = cfsm("forge", "backtest", file(right()), "--dataset", "other")

    assert "The candles are synthetic" in result.out


def test_for_people_a_backtest_shows_both_figures_and_that_the_candles_are_synthetic(cfsm, file):
    result = cfsm("forge", "backtest", file(right()))

    assert f"{NAME}  1h  2025-01-01 00:00 to 2025-03-02 00:00 UTC" in result.out
    assert "sharpe (another definition)" in result.out
    assert "The candles are synthetic" in result.out


@pytest.mark.parametrize("command", ["validate", "backtest"])
def test_what_freqtrade_logs_is_shown_with_how_often_it_came(cfsm, file, engine, command):
    moved, mine = Said(30, "freqtrade.configuration", "Moving start-date"), Said(30, NAME, "\x1b[2Jcube")
    engine.log = [moved, mine, mine, Said(40, "freqtrade.strategy", "there is a finding of it")]

    shown, told = cfsm("forge", command, file(right())), cfsm("forge", command, file(right()), "--json")

    assert "logged by freqtrade.configuration: Moving start-date\n" in shown.out
    assert "cube (2 times)" in shown.out
    assert "\x1b" not in shown.out
    assert "there is a finding of it" not in shown.out
    assert [(line["level"], line["times"]) for line in told.json["log"]] == [
        ("warning", 1),
        ("warning", 2),
        ("error", 1),
    ]


def test_of_a_talkative_log_people_see_the_beginning(cfsm, file, engine):
    engine.log = [Said(30, NAME, f"candle {number}") for number in range(50)]

    result = cfsm("forge", "validate", file(right()))

    assert result.out.count(f"logged by {NAME}") == 10
    assert "… and 40 more lines in --json" in result.out


def test_a_strategy_that_breaks_shows_its_log_too(cfsm, file, engine):
    engine.log = [Said(30, NAME, "my last words")]

    assert "my last words" in cfsm("forge", "backtest", file(in_indicators("raise KeyError()"))).out


def test_a_validation_and_a_backtest_record_nothing(cfsm, file):
    cfsm("forge", "validate", file(right()))
    cfsm("forge", "backtest", file(right()))

    assert not list(cfsm.home.glob("events*"))


def test_without_a_forge_its_status_says_so_and_names_what_the_sandbox_lacks(new, monkeypatch):
    monkeypatch.setattr("cfsm.adapters.sandbox.cage.missing_layers", lambda: ["Landlock: the kernel has none"])

    result = new("forge", "status", "--json")

    assert result.code == 0
    assert result.json == {
        "socket": str(new.home / "run" / "forge.sock"),
        "running": False,
        "missing_layers": ["Landlock: the kernel has none"],
    }
    assert "No forge runs" in new("forge", "status").out


def test_a_forge_that_goes_away_while_it_is_asked_is_to_be_asked_again(cfsm, file, engine, monkeypatch):
    def gone():
        raise TryAgain("The forge ended with exit status 1 while starting")

    monkeypatch.setattr(engine, "status", gone)

    result = cfsm("forge", "validate", file(right()))

    assert (result.code, engine.opened) == (75, engine.closed)
    assert "exit status 1" in result.err


@pytest.mark.slow
def test_with_the_real_forge(cfsm, file):
    files = [file(right(), "right.py"), file(at_top("import os"), "unsafe.py"), file(b"\0", "binary.py")]

    validated = cfsm("forge", "validate", *files, "--json")
    backtested = cfsm("forge", "backtest", files[0], "--json", "--timerange", "20250201-20250215")
    stock = cfsm("forge", "backtest", files[0], "--json", "--timerange", "20250201-20250215", "--stock")

    assert [answer["verdict"] for answer in validated.json_lines] == ["accepted", "unsafe", "rejected"]
    assert validated.json_lines[0]["seconds"] > 0
    assert backtested.json["metrics"]["total_trades"] == backtested.json["metrics"]["freqtrade"]["total_trades"] > 0
    assert backtested.json["trades"] == stock.json["trades"]
    assert backtested.json["result_hash"] == stock.json["result_hash"]
    assert backtested.json["stages"].keys() == {"loading_data", "analyzing", "backtesting", "generating_report"}
    assert backtested.json["log"] == []
    assert cfsm("forge", "status", "--json").json["running"] is False
