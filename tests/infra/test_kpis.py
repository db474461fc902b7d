"""The dashboard and the alarms speak of metrics that are really written, by the function that writes them."""

import json
import re

import pytest

from infra import kpis
from infra.catalog import FUNCTIONS
from tests.infra.conftest import ROOT, Environment

SOURCES = {path: path.read_text() for path in (ROOT / "functions").rglob("*.py")}
WRITTEN = {name for text in SOURCES.values() for name in re.findall(r"(?:count|took)\(\s*\"([A-Z]\w+)\"", text)}
WRITTEN |= {name for text in SOURCES.values() for name in re.findall(r"\"([A-Z]\w+)\" if .+ else \"[A-Z]\w+\"\)", text)}
WRITTEN |= {name for text in SOURCES.values() for name in re.findall(r"if .+ else \"([A-Z]\w+)\"\)", text)}


def test_every_kpi_has_a_metric_and_a_function() -> None:
    names = {item.name for item in FUNCTIONS}
    assert set(kpis.WATERFALL) <= WRITTEN
    assert set(kpis.WATERFALL.values()) <= names
    assert {trouble.metric for trouble in kpis.TROUBLES} <= WRITTEN
    assert {trouble.function for trouble in kpis.TROUBLES} <= names


@pytest.fixture(scope="module")
def dashboard(prod: Environment) -> str:
    (found,) = prod.of_type("AWS::CloudWatch::Dashboard")
    return json.dumps(found.body)


def test_the_dashboard_shows_each_kpi_with_its_target(dashboard: str) -> None:
    for title in ("average", "P95", "Cold-start rate", "Cache hit rate", "Parents' feedback"):
        assert title in dashboard
    for target in (kpis.AVERAGE_TARGET, kpis.P95_TARGET, kpis.CACHE_HIT_TARGET, kpis.FEEDBACK_TARGET):
        assert re.search(rf"value\W+{target}\b", dashboard), target


def test_the_dashboard_names_only_metrics_that_are_written(dashboard: str) -> None:
    searched = set(re.findall(r"MetricName=\W+(\w+)", dashboard))
    assert searched
    assert searched <= WRITTEN
