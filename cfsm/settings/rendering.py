"""Settings and their schema as people read them: a table with origins, a documented YAML file, a reference page."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import SecretStr

from cfsm.settings import earlier_names
from cfsm.settings.fields import EVERYTHING, FIELDS, SECTIONS, is_table, variable
from cfsm.settings.loading import leaves
from cfsm.settings.schema import PATTERNS_IN_WORDS, Settings
from cfsm.settings.yaml_text import scalar

DEFAULT = "default"
HIDDEN = "(hidden)"
WIDTH = 110
DIALECT = "https://json-schema.org/draft/2020-12/schema"
KINDS_IN_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "boolean": "true or false",
        "integer": "whole number",
        "null": "null",
        "number": "number",
        "object": "a section for each name",
        "string": "text",
    }
)

YAML_HEAD = """\
Every key of CFSM's configuration, with its default and what it means. Made from the schema; do not edit.

In a file of your own ($CFSM_HOME/cfsm.yaml, or the one given with --config) write only what differs:
what stands there goes before the profile, so that a copy of this whole file would undo every profile.
The environment goes before all files: CFSM_BACKTEST__MAX_OPEN_TRADES=3 sets backtest.max_open_trades.
`cfsm config check FILE` names every problem of a file, `cfsm config show` where each value comes from."""

REFERENCE_HEAD = """\
# Configuration

One YAML file configures CFSM, and none is needed: every key has a default.

```yaml
# $CFSM_HOME/cfsm.yaml
profile: cpu_optimized
generation:
  interval_seconds: 1800
  models: [phi3:mini, mistral]
retention:
  max_strategies: 20
```

A value is looked for in four places; the first that has it wins:

1. the environment: `CFSM_<SECTION>__<KEY>`, with two underscores for each dot
   (`CFSM_BACKTEST__MAX_OPEN_TRADES=3`; lists as `a,b` or `[a, b]`; an empty text is null),
2. the file: `$CFSM_HOME/cfsm.yaml`, or the one given with `--config`,
3. the profile: `--profile`, else `CFSM_PROFILE`, else the file's `profile`, else `standard`,
4. the defaults below.

Not used yet: `generation.models`, `generation.mode`, `generation.parallel_generation_count`, `model_selection` and
`ollama`. They are read and checked; no model is asked, strategies are of the predefined families.

Sections and tables are merged key by key, lists are replaced. `cfsm config show` prints every value with the place
that it comes from, `cfsm config check FILE` names every problem with file, line and key at once, and says what has no
effect; `cfsm config schema` prints a JSON Schema for editors.

The file is plain YAML 1.2 or, named `.json`, JSON with `//` comments and trailing commas. Unknown keys, keys written
twice, aliases (`*name`) and tags (`!name`) are errors.
"""

EARLIER_HEAD = """\
## Files of earlier systems

`background_config.json` and `background_config_cooperative.json` are read as they are, comments included. Their keys
stand for these:
"""


class Row(NamedTuple):
    """One value, with the place that it comes from."""

    key: str
    value: Any
    origin: str


def describe(settings: Settings) -> list[Row]:
    """Every value in the order of the schema, as plain data; secrets are hidden."""
    values = settings.model_dump()
    origins = settings.origins
    rows = []
    for path in leaves(values):
        key = ".".join(path)
        rows.append(Row(key, _shown(_at(values, path)), origins.get(key, DEFAULT)))
    return rows


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a configuration file, as editors and checkers read it."""
    return {"$schema": DIALECT, **Settings.model_json_schema()}


def documented_yaml() -> str:
    """A configuration file with every key at its default and its description above it."""
    lines = [*_comment(YAML_HEAD, ""), ""]
    values = Settings().model_dump()
    for key, field in EVERYTHING.items():
        name, indent = key.rpartition(".")[2], "  " * key.count(".")
        if not indent:
            lines.append("")
        if key in SECTIONS:
            lines += [*_comment(_about(key), indent), f"{indent}{name}:"]
            continue
        lines += _comment(str(field.description), indent)
        value = _at(values, tuple(key.split(".")))
        if is_table(key):
            lines += [f"{indent}{name}:", *(f"{indent}  {_yaml(row)}: {_yaml(value[row])}" for row in value)]
        else:
            lines.append(f"{indent}{name}: {_yaml(_shown(value))}")
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def reference() -> str:
    """The reference page: every section and key, in Markdown."""
    schema = Settings.model_json_schema()
    parts = [REFERENCE_HEAD, *_table(schema, "")]
    for section in SECTIONS:
        parts += [f"## {section}\n", f"{_about(section)}\n", *_table(schema, section)]
    parts += [EARLIER_HEAD, "| theirs | ours |\n|---|---|"]
    parts += [f"| `{earlier}` | `{ours}` |" for earlier, ours in earlier_names.KEYS.items()]
    parts += [f"| `cooperative_mode.{flag}` | `generation.mode`, chosen by the three |" for flag in earlier_names.FLAGS]
    parts += [f"| `{earlier}` | none: {why} |" for earlier, why in earlier_names.WITHOUT_EFFECT.items()]
    return "\n".join(parts) + "\n"


def _table(schema: Mapping[str, Any], section: str) -> Iterator[str]:
    """The rows of the keys right under the section."""
    yield "| key | value | default | meaning |\n|---|---|---|---|"
    values = Settings().model_dump()
    for key, field in FIELDS.items():
        if key.rpartition(".")[0] == section:
            value = _at(values, tuple(key.split(".")))
            default = "see below" if is_table(key) else f"`{_yaml(_shown(value))}`"
            name = key.rpartition(".")[2]
            words = accepts(schema, key).replace("|", "\\|")
            yield f"| `{name}`<br>`{variable(key)}` | {words} | {default} | {field.description} |"
    yield ""
    for key in FIELDS:
        if key.rpartition(".")[0] == section and is_table(key):
            yield f"`{key}` by default:\n\n```yaml"
            yield from (f"{row}: {_yaml(value)}" for row, value in _at(values, tuple(key.split("."))).items())
            yield "```\n"


def accepts(schema: Mapping[str, Any], key: str) -> str:
    """What may stand at the key, in words."""
    part: Mapping[str, Any] = schema
    for name in key.split("."):
        part = _resolved(schema, part["properties"][name])
    return _in_words(schema, part)


def _resolved(schema: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    reference_ = part.get("$ref")
    return schema["$defs"][reference_.rpartition("/")[2]] if reference_ else part


def _in_words(schema: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    part = _resolved(schema, part)
    if "anyOf" in part:
        return "; or ".join(_in_words(schema, branch) for branch in part["anyOf"])
    if "enum" in part:
        return ", ".join(f"`{value}`" for value in part["enum"])
    if "const" in part:
        return f"`{part['const']}`"
    if part["type"] == "array":
        return f"list; each {_in_words(schema, part['items'])}"
    if "pattern" in part:
        return PATTERNS_IN_WORDS[part["pattern"]]
    return KINDS_IN_WORDS[part["type"]] + _bounds(part)


def _bounds(part: Mapping[str, Any]) -> str:
    low, high = part.get("minimum"), part.get("maximum")
    above, below = part.get("exclusiveMinimum"), part.get("exclusiveMaximum")
    bounds = [
        f"at least {low:,}" if low is not None else "",
        f"more than {above:,}" if above is not None else "",
        f"at most {high:,}" if high is not None else "",
        f"less than {below:,}" if below is not None else "",
    ]
    said = ", ".join(bound.removesuffix(".0") for bound in bounds if bound)
    return f", {said}" if said else ""


def _about(section: str) -> str:
    field = EVERYTHING[section]
    return str(field.description or SECTIONS[section].__doc__)


def _at(values: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        values = values[part]
    return values


def _shown(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return HIDDEN
    return list(value) if isinstance(value, tuple) else value


def _yaml(value: Any) -> str:
    """The value as one line of YAML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_yaml(key)}: {_yaml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_yaml(item) for item in value) + "]"
    if isinstance(value, str):
        return value if _stays_text(value) else json.dumps(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value)


def _stays_text(text: str) -> bool:
    """Whether the text means itself in YAML without quotes."""
    plain = text.replace("_", "a").replace(".", "a").replace(":", "a").isalnum()
    return plain and scalar(text) == text and not text[0].isdigit() and not text.endswith(":")


def _comment(text: str, indent: str) -> list[str]:
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines += textwrap.wrap(paragraph, WIDTH - len(indent) - 2) or [""]
    return [f"{indent}# {line}".rstrip() for line in lines]
