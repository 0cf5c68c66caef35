"""The dashboard and the alerts speak of metrics that exist, and the docs of alerts that exist."""

import json
import re
from pathlib import Path

import pytest
import yaml

from cfsm.bootstrap.metrics import METRICS, names, reference

ROOT = Path(__file__).parents[3]
MONITORING = ROOT / "config" / "monitoring"
ALERTS = [
    rule
    for group in yaml.safe_load((MONITORING / "prometheus-alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD = json.loads((MONITORING / "grafana-dashboard.json").read_text())
EXPRESSIONS = {
    **{
        f"panel {panel['title']}": target["expr"]
        for panel in DASHBOARD["panels"]
        for target in panel.get("targets", [])
    },
    **{f"alert {rule['alert']}": rule["expr"] for rule in ALERTS},
}
LABELS = {spec.exposed_name: set(spec.labels) for spec in METRICS}


def metrics_in(expression):
    return set(re.findall(r"\bcfsm_[a-z_]+", expression))


@pytest.mark.parametrize("place", EXPRESSIONS)
def test_every_metric_that_is_asked_for_exists(place):
    asked = metrics_in(EXPRESSIONS[place])

    assert asked
    assert asked <= names()


def test_every_metric_is_on_the_dashboard():
    shown = {name for panel in DASHBOARD["panels"] for t in panel.get("targets", []) for name in metrics_in(t["expr"])}

    assert shown == names()


@pytest.mark.parametrize(
    "panel", [panel for panel in DASHBOARD["panels"] if "targets" in panel], ids=lambda p: p["title"]
)
def test_every_label_in_a_legend_is_one_of_its_metrics(panel):
    for target in panel["targets"]:
        known = {label for name in metrics_in(target["expr"]) for label in LABELS.get(name, {"version", "profile"})}
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= known


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_label_in_an_alert_is_one_of_its_metrics(rule):
    known = {label for name in metrics_in(rule["expr"]) for label in LABELS[name]}

    assert set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= known


def test_panels_do_not_lie_on_each_other():
    taken = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
                assert x < 24


def test_every_alert_is_explained():
    page = (ROOT / "docs/how-to/monitor.md").read_text()
    explained = re.findall(r"^### (Cfsm\w+)", page, re.MULTILINE)

    assert explained == [rule["alert"] for rule in ALERTS]


def test_the_reference_page_is_up_to_date():
    wanted = (
        "the metrics have changed; write it again: .venv/bin/python -c "
        "'from cfsm.bootstrap.metrics import reference; print(reference(), end=\"\")' > docs/reference/metrics.md"
    )

    assert (ROOT / "docs/reference/metrics.md").read_text() == reference(), wanted


def test_a_counters_name_says_so():
    for spec in METRICS:
        assert spec.exposed_name.endswith("_total") == (spec.kind == "counter")
        assert not spec.name.endswith("_total")
