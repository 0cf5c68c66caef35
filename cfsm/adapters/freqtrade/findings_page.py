"""The reference page of the findings, in Markdown, made from their table."""

from cfsm.adapters.freqtrade.findings import MEANINGS

_HEAD = """\
# Findings

Made from the table of codes. `cfsm forge validate FILE` gives the findings of a file, `cfsm runs show RUN` those of a
recorded run; each with its code, a message, the line where it is known, and what to do. Codes do not change.

A file is **unsafe** with one finding that is unsafe, else **rejected** with one that is rejected, else **accepted**:
findings that are accepted are advice.

| code | verdict | what it means | what to do |
|---|---|---|---|
"""


def page() -> str:
    """Give the page."""
    rows = (
        f"| `{code}` | {meaning.weight.value} | {meaning.what} | {_plain(meaning.what_to_do)} |\n"
        for code, meaning in MEANINGS.items()
    )
    return _HEAD + "".join(rows)


def _plain(text: str) -> str:
    return text.replace("|", "\\|")
