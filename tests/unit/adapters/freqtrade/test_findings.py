"""The table of findings: documented as it is, and holding every code that the engine gives."""

import re
from pathlib import Path

from cfsm.adapters.freqtrade.findings import MEANINGS, Weight, finding, verdict_of
from cfsm.adapters.freqtrade.findings_page import page
from cfsm.domain.evaluation import Verdict

ROOT = Path(__file__).parents[4]


def test_the_page_of_findings_is_made_from_the_table():
    wanted = (
        "make it again: .venv/bin/python -c "
        "'from cfsm.adapters.freqtrade.findings_page import page; print(page(), end=\"\")' > docs/reference/findings.md"
    )

    assert (ROOT / "docs/reference/findings.md").read_text() == page(), wanted


def test_every_code_that_the_engine_names_is_in_the_table_and_every_one_there_is_given():
    sources = [*(ROOT / "cfsm/adapters/freqtrade").glob("*.py"), ROOT / "cfsm/application/strategy_files.py"]
    texts = "\n".join(path.read_text() for path in sources if path.name != "findings.py")
    given = set(re.findall(r'\b[Ff]inding\(\s*"([A-Z_]+)"', texts))

    assert given <= MEANINGS.keys()
    assert [code for code in MEANINGS if f'"{code}"' not in texts] == []


def test_the_worst_finding_makes_the_verdict():
    by_weight = {meaning.weight: finding(code) for code, meaning in MEANINGS.items()}

    assert verdict_of([]) is Verdict.ACCEPTED
    assert verdict_of([by_weight[Weight.ADVICE]]) is Verdict.ACCEPTED
    assert verdict_of([by_weight[Weight.ADVICE], by_weight[Weight.FAULT]]) is Verdict.REJECTED
    assert verdict_of(by_weight.values()) is Verdict.UNSAFE
