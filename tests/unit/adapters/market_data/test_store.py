import shutil
from datetime import UTC, date, datetime

import orjson
import pytest
from pyarrow import feather

from cfsm.adapters.market_data import DatasetStore, Kind, UnusableData, funding_of, mark_of
from cfsm.adapters.market_data.markets import listed_market
from cfsm.adapters.market_data.series import CandleType, Series
from cfsm.application.ports import Misconfigured

BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
FUTURES = "BTC_USDT_USDT-5m-futures.feather"
MARK, FUNDING = "BTC_USDT_USDT-1h-mark.feather", "BTC_USDT_USDT-1h-funding_rate.feather"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    return DatasetStore(tmp_path / "data", now=lambda: NOW)


@pytest.fixture
def small(store):
    return lambda name="small", **changed: store.synthesise(
        name, **{"seed": 3, "pairs": [BTC], "timeframes": ["5m", "1h"], "end": date(2025, 1, 4), **changed}
    )


@pytest.fixture
def source(small, tmp_path):
    """A folder of Freqtrade's candles, from elsewhere."""
    shutil.copytree(small("origin").folder / "futures", tmp_path / "elsewhere" / "futures")
    return tmp_path / "elsewhere"


def entries(store_folder):
    return sorted(path.name for path in store_folder.iterdir() if not path.name.endswith(".lock"))


def test_a_synthetic_dataset_says_what_it_is(small):
    dataset = small()

    assert dataset.kind is Kind.SYNTHETIC
    assert dataset.label == "small (synthetic)"
    assert dataset.description.seed == 3
    assert dataset.description.created == "2026-01-02T03:04:05+00:00"
    assert dataset.pairs == (BTC,)
    assert dataset.timeframes == ("5m", "1h")
    assert (dataset.first, dataset.last) == (
        datetime(2025, 1, 1, tzinfo=UTC),
        datetime(2025, 1, 3, 23, 55, tzinfo=UTC),
    )
    assert dataset.markets == {BTC: listed_market(BTC)}
    assert dataset.problems == ()


def test_each_file_is_described(small):
    dataset = small()

    file = dataset.file(Series(BTC, "5m", CandleType.FUTURES))

    assert (file.candles, file.gaps) == (864, ())
    assert dataset.file(mark_of(BTC)).candles == 72
    assert dataset.file(funding_of(BTC)).candles == 9
    assert dataset.file(Series(BTC, "1d", CandleType.FUTURES)) is None
    assert len(dataset.read(file.series)) == 864


def test_the_same_recipe_again_gives_the_dataset_that_is_there(small):
    first = small()
    stamp = (first.folder / "dataset.json").stat().st_mtime_ns

    again = small()

    assert again.data_hash == first.data_hash
    assert (again.folder / "dataset.json").stat().st_mtime_ns == stamp


def test_another_recipe_does_not_overwrite(small):
    small()

    with pytest.raises(Misconfigured, match="another dataset 'small' already"):
        small(seed=4)


@pytest.mark.parametrize("name", ["", "Capital", "../up", ".hidden", "a/b", "a" * 65, "spa ce"])
def test_a_name_that_is_no_name_is_refused(small, name):
    with pytest.raises(Misconfigured, match="cannot name a dataset"):
        small(name)


def test_an_impossible_recipe_is_refused_before_anything_is_written(store, small, tmp_path):
    with pytest.raises(Misconfigured, match="would end"):
        small(end=date(2024, 1, 1))

    assert not (tmp_path / "data").exists()


def test_progress_is_told(small):
    heard = []

    small(progress=lambda *words: heard.append(words))

    assert heard[0] == ("making BTC/USDT:USDT 5m futures", 0, 4)
    assert any(words[0].startswith("reading") for words in heard)


def test_listing_reads_no_candles(store, small, monkeypatch):
    small()
    small("other", seed=9)
    monkeypatch.setattr("cfsm.adapters.market_data.index.read_candles", None)

    listed = store.list()

    assert [dataset.name for dataset in listed] == ["other", "small"]
    assert len({dataset.data_hash for dataset in listed}) == 2


def test_a_lost_or_garbled_index_is_made_again(store, small):
    dataset = small()
    for content in (b"", b"[]", b'{"version": 1}', b'{"version": 99, "files": {}}'):
        (dataset.folder / "index.json").write_bytes(content)

        assert store.open("small").data_hash == dataset.data_hash


def test_the_hash_depends_on_the_candles_alone(store, small, source):
    """Not on the dataset's name or kind, nor on when and how the files were written."""
    origin = store.open("origin")
    series = Series(BTC, "5m", CandleType.FUTURES)
    table = feather.read_table(source / "futures" / series.file_name)
    feather.write_feather(table, source / "futures" / series.file_name, compression="uncompressed")

    imported = store.import_folder(source, "mine")

    assert imported.data_hash == origin.data_hash
    assert imported.label == "mine"


def test_a_changed_file_changes_the_hash(store, small):
    dataset = small()
    path = dataset.folder / "futures" / FUTURES
    table = feather.read_table(path).slice(0, 800)
    feather.write_feather(table, path)

    changed = store.open("small")

    assert changed.data_hash != dataset.data_hash
    assert changed.file(Series(BTC, "5m", CandleType.FUTURES)).candles == 800


def test_a_file_changed_behind_its_size_and_date_is_found_when_the_index_is_not_trusted(store, small):
    dataset = small()
    path, index = dataset.folder / "futures" / FUTURES, dataset.folder / "index.json"
    feather.write_feather(feather.read_table(path).slice(0, 800), path)
    known = orjson.loads(index.read_bytes())
    known["files"][FUTURES]["stamp"] = [path.stat().st_size, path.stat().st_mtime_ns]
    index.write_bytes(orjson.dumps(known))

    assert store.open("small").data_hash == dataset.data_hash
    assert store.open("small", trust_index=False).data_hash != dataset.data_hash


def test_there_is_no_dataset_of_that_name(store, small):
    small()

    with pytest.raises(Misconfigured, match=r"no dataset 'big'.*there are: small"):
        store.open("big")
    assert "small" in store
    assert "big" not in store


def test_importing_takes_the_folder_of_freqtrade_or_its_futures(store, source):
    above = store.import_folder(source, "above")
    inside = store.import_folder(source / "futures", "inside")

    assert above.data_hash == inside.data_hash
    assert above.kind is Kind.IMPORTED
    assert above.markets == {BTC: listed_market(BTC)}


def test_importing_the_same_twice_is_once(store, source):
    first = store.import_folder(source, "mine")
    again = store.import_folder(source, "mine")

    assert again.data_hash == first.data_hash
    assert entries(first.folder.parent) == ["mine", "origin"]


def test_markets_are_taken_from_the_given_file(store, source, tmp_path):
    exact = {**listed_market(BTC), "limits": {"cost": {"min": 7.0}}}
    markets_file = tmp_path / "markets.json"
    markets_file.write_bytes(orjson.dumps({BTC: exact, ETH: listed_market(ETH)}))

    dataset = store.import_folder(source, "mine", markets_file=markets_file)

    assert dataset.markets == {BTC: exact}
    assert dataset.markets_hash != store.open("origin").markets_hash


@pytest.mark.parametrize("content", [b"", b"7", b'{"BTC/USDT:USDT": 7}', b"[1]"])
def test_a_markets_file_that_is_none_is_refused(store, source, tmp_path, content):
    (tmp_path / "markets.json").write_bytes(content)

    with pytest.raises(UnusableData, match="the markets cannot be read"):
        store.import_folder(source, "mine", markets_file=tmp_path / "markets.json")

    assert "mine" not in store


def test_every_bad_file_is_named_and_nothing_is_kept(store, source):
    (source / "futures" / FUTURES).write_bytes(b"nonsense")
    table = feather.read_table(source / "futures" / MARK)
    feather.write_feather(table.drop_columns(["close"]), source / "futures" / MARK)

    with pytest.raises(UnusableData) as caught:
        store.import_folder(source, "mine")

    assert {problem.file for problem in caught.value.problems} >= {FUTURES, MARK}
    assert "Nothing was kept" in str(caught.value)
    assert entries(source.parent / "data") == ["origin"]


@pytest.mark.parametrize("missing", [MARK, FUNDING])
def test_without_marks_or_funding_rates_nothing_is_imported(store, source, missing):
    (source / "futures" / missing).unlink()

    with pytest.raises(UnusableData, match=f"{missing} is missing: all funding fees would silently be zero"):
        store.import_folder(source, "mine")


def test_funding_that_covers_only_a_part_is_said(store, source):
    path = source / "futures" / FUNDING
    feather.write_feather(feather.read_table(path).slice(0, 4), path)

    dataset = store.import_folder(source, "mine")

    assert [problem.file for problem in dataset.problems] == [FUNDING]
    assert "covers only 2025-01-01 to 2025-01-02" in str(dataset.problems[0])


def test_files_that_a_futures_backtest_does_not_read_are_left_out(store, source):
    (source / "futures" / "BTC_USDT_USDT-1h-open_interest.feather").write_bytes(b"x")
    (source / "futures" / "notes.txt").write_text("x")

    dataset = store.import_folder(source, "mine")

    assert len(list((dataset.folder / "futures").iterdir())) == len(dataset.files) == 4


def test_only_the_named_pairs_are_imported(store, small, tmp_path):
    both = small("both", pairs=[BTC, ETH])

    dataset = store.import_folder(both.folder, "one", pairs=[ETH])

    assert dataset.pairs == (ETH,)
    with pytest.raises(UnusableData, match="XRP/USDT:USDT has no files here"):
        store.import_folder(both.folder, "two", pairs=[ETH, "XRP/USDT:USDT"])


@pytest.mark.parametrize("kind", ["missing", "empty", "file"])
def test_what_holds_no_candles_is_refused(store, tmp_path, kind):
    place = tmp_path / "place"
    if kind == "empty":
        place.mkdir()
    if kind == "file":
        place.write_text("x")

    with pytest.raises(UnusableData, match="nothing to import"):
        store.import_folder(place, "mine")


def test_a_pair_without_a_timeframe_is_not_counted_with_it(store, small, tmp_path):
    both = small("both", pairs=[BTC, ETH])
    (both.folder / "futures" / "ETH_USDT_USDT-5m-futures.feather").unlink()

    dataset = store.open("both")

    assert dataset.pairs_with("5m") == (BTC,)
    assert dataset.pairs_with("1h") == (BTC, ETH)


def test_a_dataset_damaged_later_is_listed_with_its_problems_and_not_opened(store, small):
    dataset = small()
    path = dataset.folder / "futures" / FUTURES
    path.write_bytes(path.read_bytes()[:1000])

    (listed,) = store.list()

    assert [problem.file for problem in listed.problems] == [FUTURES]
    with pytest.raises(UnusableData, match=FUTURES):
        store.open("small")
    with pytest.raises(UnusableData, match=FUTURES):
        listed.read(Series(BTC, "5m", CandleType.FUTURES))


def test_a_market_that_is_missing_later_is_named(store, small):
    dataset = small()
    dataset.markets_path.write_text("{}")

    with pytest.raises(UnusableData, match=f"markets.json has no market for {BTC}"):
        store.open("small")


def test_a_damaged_description_is_named(store, small):
    dataset = small()
    (dataset.folder / "dataset.json").write_text("{")

    with pytest.raises(UnusableData, match=r"dataset\.json cannot be read"):
        store.open("small")


def test_an_error_midway_leaves_nothing(store, small, tmp_path):
    def stop(what, done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small(progress=stop)

    assert entries(tmp_path / "data") == []


def test_what_a_crash_left_is_not_listed_and_is_removed_by_the_next_build(store, small, tmp_path):
    left = tmp_path / "data" / ".small.building"
    left.mkdir(parents=True)
    (left / "dataset.json").write_text("{}")
    assert store.list() == []

    dataset = small()

    assert entries(tmp_path / "data") == ["small"]
    assert dataset.problems == ()


def test_a_removed_dataset_is_gone_and_can_be_made_anew(store, small):
    first = small()

    store.remove("small")

    assert store.list() == []
    assert small().data_hash == first.data_hash
    with pytest.raises(Misconfigured, match="there is no dataset 'other'"):
        store.remove("other")


def test_a_home_that_cannot_be_written_to_is_said_so(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(Misconfigured, match="set CFSM_HOME to a folder that you may write to"):
        DatasetStore(tmp_path / "file" / "data").synthesise("small")


def test_a_store_that_does_not_exist_yet_is_empty(store):
    assert store.list() == []
