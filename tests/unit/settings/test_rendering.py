"""What is shown of settings and their schema is complete, true and up to date."""

import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from cfsm.domain.admission import AdmissionRules
from cfsm.settings import Settings, load, profiles
from cfsm.settings.fields import EVERYTHING, FIELDS, SECTIONS, is_secret, variable
from cfsm.settings.rendering import accepts, describe, documented_yaml, json_schema, reference

ROOT = Path(__file__).parents[3]
AGAIN = "; write it again: .venv/bin/python -c 'from cfsm.settings.rendering import {0}; print({0}(), end=\"\")' > {1}"


def test_the_documented_file_is_up_to_date():
    wanted = AGAIN.format("documented_yaml", "config/cfsm.yaml")

    assert (ROOT / "config/cfsm.yaml").read_text() == documented_yaml(), f"the schema has changed{wanted}"


def test_the_reference_page_is_up_to_date():
    wanted = AGAIN.format("reference", "docs/configuration.md")

    assert (ROOT / "docs/configuration.md").read_text() == reference(), f"the schema has changed{wanted}"


def test_the_documented_file_loads_and_gives_the_defaults(tmp_path):
    settings = load(tmp_path, file=ROOT / "config/cfsm.yaml", environ={})

    assert settings.model_dump() == Settings().model_dump()
    assert set(settings.origins) == {row.key for row in describe(settings)}


def test_the_documented_file_reads_the_same_for_any_other_yaml_reader():
    values = yaml.safe_load((ROOT / "config/cfsm.yaml").read_text())

    assert Settings.model_validate(values).model_dump() == Settings().model_dump()


def test_the_documented_file_explains_every_key():
    text = re.sub(r"\s*# ", " ", (ROOT / "config/cfsm.yaml").read_text())

    for key, field in EVERYTHING.items():
        about = field.description or SECTIONS[key].__doc__
        assert re.search(rf"{re.escape(str(about))}\s+{key.rpartition('.')[2]}:", text), key


def test_every_key_is_described_and_bounded():
    schema = Settings.model_json_schema()
    for key, field in FIELDS.items():
        assert field.description, key
        assert field.description.endswith("."), key
        said = accepts(schema, key)
        if "number" in said:
            assert "at least" in said or "more than" in said, key
            assert "at most" in said or "less than" in said, key


def test_the_reference_page_names_every_key_and_variable():
    page = reference()

    for key in FIELDS:
        assert f"| `{key.rpartition('.')[2]}`<br>`{variable(key)}` |" in page
    for section in SECTIONS:
        assert f"\n## {section}\n" in page


def test_the_schema_is_a_json_schema_that_accepts_the_documented_file_and_no_other_keys():
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)

    assert list(validator.iter_errors(yaml.safe_load((ROOT / "config/cfsm.yaml").read_text()))) == []
    assert len(list(validator.iter_errors({"generation": {"sead": 1, "interval_seconds": "x"}}))) == 2
    assert json.loads(json.dumps(schema)) == schema


def test_describe_gives_every_value_with_its_origin(tmp_path):
    rows = describe(load(tmp_path, environ={"CFSM_GENERATION__MODELS": "phi3,mistral"}))

    by_key = {row.key: row for row in rows}
    assert list(by_key)[:2] == ["profile", "generation.interval_seconds"]
    assert by_key["generation.models"].value == ["phi3", "mistral"]
    assert by_key["generation.models"].origin == "environment CFSM_GENERATION__MODELS"
    assert by_key["generation.seed"].origin == "default"
    assert by_key["ollama.timeouts_seconds.cogito:3b.fast"].value == 300
    assert json.dumps([row.value for row in rows])


def test_secrets_are_hidden(tmp_path):
    settings = load(tmp_path, environ={"CFSM_STORE__PASSWORD": "open sesame"})

    (row,) = [row for row in describe(settings) if is_secret(row.key)]
    assert (row.key, row.value) == ("store.password", "(hidden)")
    assert "sesame" not in repr(settings)


def test_the_limits_of_admission_are_the_rules_of_the_domain():
    settings = Settings().admission.model_dump(exclude={"window_seconds"})

    assert AdmissionRules(**settings) == AdmissionRules()


def test_the_safe_profile_admits_the_least():
    admissions = {name: load(Path("/no/such/home"), profile=name, environ={}).admission for name in profiles()}
    safe = admissions["safe"]

    for rules in admissions.values():
        assert safe.min_memory_available_mb >= rules.min_memory_available_mb
        assert safe.min_disk_free_mb >= rules.min_disk_free_mb
        assert safe.max_psi_cpu_some_percent <= rules.max_psi_cpu_some_percent
        assert safe.max_psi_memory_full_percent <= rules.max_psi_memory_full_percent
        assert safe.max_temperature_celsius <= rules.max_temperature_celsius


@pytest.mark.parametrize("key", ["store.password", "store.password_file", "backtest.fee"])
def test_what_may_be_null_says_so(key):
    assert accepts(Settings.model_json_schema(), key).endswith("; or null")
