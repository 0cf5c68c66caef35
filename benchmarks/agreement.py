"""How far the intake agrees with the labels of ../shared/corpora: ``python -m benchmarks.agreement``.

Every labelled answer is taken in, mended and executed in the forge on real candles, as `cfsm intake` does it.
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.table import note, say, title
from cfsm.adapters.freqtrade.client import ForgeEngine
from cfsm.application.intake import Outcome
from tests.fakes.corpus import CANDLES, CORPORA, WORKS, import_candles, judged, labelled, rows


def main() -> int:
    if not (CORPORA.is_dir() and CANDLES.is_dir()):
        print(f"The labelled answers are not in {CORPORA}: nothing to measure.", file=sys.stderr)
        return 0
    found = {}
    answers = rows("completions.jsonl")
    with tempfile.TemporaryDirectory(prefix="cfsm-") as folder:
        import_candles(Path(folder))
        with ForgeEngine(Path(folder) / "f.sock", Path(folder)) as engine:
            for row in answers:
                note(row["id"])
                found[row["id"]] = judged(engine, row)
    title("Intake: outcomes of the labelled answers")
    counts = Counter((labelled(row), found[row["id"]][0]) for row in answers)
    print(f"{'label':<12}" + "".join(f"{outcome.value:>10}" for outcome in Outcome))
    for label in Outcome:
        print(f"{label.value:<12}" + "".join(f"{counts[label, outcome]:>10}" for outcome in Outcome))
    for row in answers:
        outcome, codes = found[row["id"]]
        if outcome is not labelled(row):
            faults = ", ".join(row["expect"]["faults"]) or "none"
            what = f"{labelled(row).value} wanted, {outcome.value} found ({', '.join(codes)})"
            print(f"{row['id']}: {what}; its faults: {faults}")
    right = sum((found[row["id"]][0] in WORKS) == row["expect"]["accept"] for row in answers)
    same = sum(found[row["id"]][0] is labelled(row) for row in answers)
    say("accepted or not, as labelled", 100 * right / len(answers), "%", at_least=95)
    say("outcome as labelled", 100 * same / len(answers), "%", at_least=95)
    return 0


if __name__ == "__main__":
    sys.exit(main())
