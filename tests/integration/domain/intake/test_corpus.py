"""The labelled answers beside the repository, where they are: what the intake makes of them, and what the cage says."""

import pytest

from cfsm.adapters.freqtrade.client import ForgeEngine
from cfsm.application.intake import Outcome
from cfsm.domain.intake.code import Wanted
from cfsm.domain.intake.opinions import analysis_in, credits_in, ideas_in, judgement_in
from cfsm.domain.intake.taking_in import take_in
from tests.fakes.corpus import CANDLES, CORPORA, WORKS, import_candles, judged, labelled, rows

WANTED_AGREEMENT = 0.95

pytestmark = pytest.mark.skipif(not CORPORA.is_dir(), reason=f"the labelled answers are not in {CORPORA}")

COMPLETIONS = rows("completions.jsonl")
OPINIONS = rows("cooperation.jsonl")


def taken_in(row):
    return take_in(row["completion"], Wanted(row["class_name"]))


@pytest.mark.parametrize(
    "row", [row for row in COMPLETIONS if row["expect"]["outcome"] == "repairable"], ids=lambda row: row["id"]
)
def test_what_is_repairable_is_repaired_as_labelled(row):
    taken = taken_in(row)

    needed = {repair.name for repair in taken.repairs if not repair.is_advice}
    assert taken.findings == ()
    assert needed == set(row["expect"]["repairs"])


@pytest.mark.parametrize(
    "row", [row for row in COMPLETIONS if row["expect"]["outcome"] == "valid"], ids=lambda row: row["id"]
)
def test_what_is_valid_is_not_repaired(row):
    assert not taken_in(row).is_repaired


@pytest.mark.parametrize(
    "row", [row for row in COMPLETIONS if row["expect"]["outcome"] == "reject"], ids=lambda row: row["id"]
)
def test_what_holds_no_strategy_is_refused_by_its_text(row):
    assert taken_in(row).findings


@pytest.mark.parametrize("row", OPINIONS, ids=lambda row: row["id"])
def test_opinions_are_read_as_labelled(row):
    parsed, answer = row["expect"]["parsed"], row["completion"]
    if row["mode"] == "consensus_ideas":
        assert [idea.name for idea in ideas_in(answer)] == parsed["names"]
    elif row["mode"] == "voting_synthesis":
        assert list(credits_in(answer)) == parsed["credits"]
        assert taken_in(row).findings == ()
    elif row["mode"] == "validation_judge":
        said = judgement_in(answer)
        assert (said and [said.score, said.approve, list(said.issues)]) == (parsed and list(parsed.values()))
    else:
        changes = [[change.parameter, change.before, change.after] for change in analysis_in(answer).changes]
        assert changes == parsed["changes"]


@pytest.fixture(scope="module")
def real_forge(tmp_path_factory):
    if not CANDLES.is_dir():
        pytest.skip(f"the candles are not in {CANDLES}")
    folder = tmp_path_factory.mktemp("real")
    import_candles(folder)
    with ForgeEngine(folder / "forge.sock", folder) as engine:
        yield engine


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_outcomes_agree_with_the_labels(real_forge):
    outcomes = {row["id"]: judged(real_forge, row)[0] for row in COMPLETIONS}

    unsafe = {row["id"] for row in COMPLETIONS if labelled(row) is Outcome.UNSAFE}
    lookahead = {row["id"] for row in COMPLETIONS if row["expect"]["lookahead"]}
    wanted = {row["id"] for row in COMPLETIONS if row["expect"]["accept"]}
    accepted = {name for name, outcome in outcomes.items() if outcome in WORKS}
    others = {row["id"] for row in COMPLETIONS if outcomes[row["id"]] is not labelled(row)}
    assert {name for name, outcome in outcomes.items() if outcome is Outcome.UNSAFE} == unsafe
    assert not accepted & (unsafe | lookahead)
    assert len(accepted ^ wanted) <= (1 - WANTED_AGREEMENT) * len(COMPLETIONS), accepted ^ wanted
    assert len(others) <= (1 - WANTED_AGREEMENT) * len(COMPLETIONS), others
