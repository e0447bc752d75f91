"""Prometheus's and Grafana's files: well formed, and every metric in them is one that `/metrics` shows."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import QueuePool

from backend.services.instruments import Instruments, Reading
from backend.services.metrics import Counts, _of_jobs, _Once

DEPLOY = Path(__file__).parents[3] / "deploy"
ALERTS = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())
SCRAPES = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
BOARD = json.loads((DEPLOY / "grafana/dashboards/aitrader.json").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
# What is told of workers and relays needs Redis: named here, and compared with a real scrape in test_metrics.py.
OF_HEARTBEATS = {"aitrader_up", "aitrader_workers", "aitrader_worker_slots", "aitrader_worker_busy", "aitrader_relays"}
FOREIGN = {"up"}
WORDS = {
    *(
        "sum",
        "max",
        "min",
        "by",
        "rate",
        "increase",
        "histogram_quantile",
        "absent",
        "vector",
        "clamp_min",
        "and",
        "or",
    ),
    *(
        "le",
        "type",
        "status",
        "queue",
        "duty",
        "reason",
        "part",
        "state",
        "route",
        "job",
        "outcome",
        "method",
        "instance",
    ),
}
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def shown() -> set[str]:
    """Return the names of all samples that a process with one request and every count would show."""
    instruments = Instruments()
    instruments.request("POST", "/jobs", 202, 0.01)
    zero = lambda: 0  # noqa: E731
    pool = QueuePool(lambda: None)  # type: ignore[arg-type, return-value]
    instruments.watch(Reading(zero, zero, zero, zero, zero, pool))
    row = {"count": 1, "sum": 1.0, "age_s": 1.0, "told_s": 1.0}
    counts = Counts({"duty": {("", "prune"): row}, "ended": {("probe", "failed"): row}})  # type: ignore[dict-item]
    text = generate_latest(_Once([*instruments.registry.collect(), *_of_jobs(counts)])).decode()
    return {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}


def names_in(expression: str) -> set[str]:
    """Return the metrics that an expression of PromQL names."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\"[^\"]*\"|\b\d[\w.]*", " ", expression)
    return {name for name in NAME.findall(bare) if name not in WORDS}


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in RULES)
    for panel in BOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


def test_every_metric_that_rules_and_panels_name_is_shown() -> None:
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    known = shown() | recorded | OF_HEARTBEATS | FOREIGN
    unknown = {name for expression in expressions() for name in names_in(expression)} - known
    assert unknown == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule.get("record"))
def test_rule_has_what_prometheus_wants(rule: dict[str, Any]) -> None:
    assert ("alert" in rule) != ("record" in rule)
    assert set(rule) <= {"alert", "record", "expr", "for", "labels", "annotations"}
    assert rule["expr"].count("(") == rule["expr"].count(")")
    if "alert" in rule:
        assert rule["labels"]["severity"] in {"page", "ticket", "none"}
        assert set(rule["annotations"]) == {"summary", "description"}
        assert re.fullmatch(r"\d+[smhd]", rule.get("for", "1m"))


def test_alerts_have_names_of_their_own_and_the_burn_rates_of_the_workbook() -> None:
    alerts = [rule["alert"] for rule in RULES if "alert" in rule]
    assert len(alerts) == len(set(alerts))
    burning = " ".join(rule["expr"] for rule in RULES if str(rule.get("alert")).startswith("AitraderErrorBudget"))
    for factor, long, short in (("14.4", "1h", "5m"), ("6", "6h", "30m")):
        assert f"ratio_rate{long} > {factor} * 0.001" in burning
        assert f"ratio_rate{short} > {factor} * 0.001" in burning


def test_scrape_reads_the_rules_and_asks_with_a_token_from_a_file() -> None:
    (scrape,) = SCRAPES["scrape_configs"]
    assert SCRAPES["rule_files"] == ["alerts.yml"]
    assert (scrape["job_name"], scrape["metrics_path"]) == ("aitrader", "/metrics")
    assert "credentials_file" in scrape["authorization"]


def test_dashboard_has_what_grafana_wants() -> None:
    assert (BOARD["uid"], BOARD["title"]) == ("aitrader-overview", "AITrader")
    assert BOARD["schemaVersion"] >= 39
    identities = [panel["id"] for panel in BOARD["panels"]]
    assert len(identities) == len(set(identities))
    source = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())
    uid = source["datasources"][0]["uid"]
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24
        for target in panel.get("targets", ()):
            assert target["datasource"] == {"type": "prometheus", "uid": uid}


def test_panels_do_not_lie_upon_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = SimpleNamespace(**panel["gridPos"])
        cells = {(x, y) for x in range(at.x, at.x + at.w) for y in range(at.y, at.y + at.h)}
        assert not taken & cells, panel["title"]
        taken |= cells


def test_dashboards_are_read_from_the_folder_that_they_are_in() -> None:
    found = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/aitrader.yml").read_text())
    assert found["providers"][0]["options"]["path"].endswith("/dashboards")
