"""The dashboard and the alarms speak of metrics that are really written, by the function that writes them."""

import json
import re
from pathlib import Path

import pytest

from functions.domain.metrics import PUBLISHED, WITHOUT_SERVICE
from infra import kpis
from infra.catalog import FUNCTIONS, SchoolApi
from infra.paths import ROOT
from local.kpi import Collected, rows
from tests.infra.conftest import ENVIRONMENTS, Environment, empty_packages, synthesize

SHOWN = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard")
SOURCES = {path: path.read_text() for path in (ROOT / "functions").rglob("*.py")}
CALL = r"(?:count\w*|record_duration)\(\s*\"([A-Z]\w+)\""
WRITTEN = {name for text in SOURCES.values() for name in re.findall(CALL, text)}
WRITTEN |= {name for text in SOURCES.values() for name in re.findall(r"\"([A-Z]\w+)\" if .+ else \"[A-Z]\w+\"\)", text)}
WRITTEN |= {name for text in SOURCES.values() for name in re.findall(r"if .+ else \"([A-Z]\w+)\"\)", text)}


def test_every_kpi_has_a_metric_and_a_function() -> None:
    names = {item.name for item in FUNCTIONS}
    for school_api in SchoolApi:
        steps = kpis.waterfall(school_api)
        assert {step.metric for step in steps} <= WRITTEN
        assert {step.function for step in steps} <= names
    assert set(kpis.OUTCOMES) <= WRITTEN
    assert {item.metric for item in kpis.ALARMS} <= WRITTEN
    assert {item.function for item in kpis.ALARMS} <= names


def test_every_metric_that_costs_money_is_one_that_is_written_and_looked_at(prod: Environment) -> None:
    assert PUBLISHED.keys() <= WRITTEN
    assert set(WITHOUT_SERVICE) <= PUBLISHED.keys()
    shown = json.dumps([item.body for item in prod.resources if item.type in SHOWN])
    assert not [name for name in PUBLISHED if name not in shown]
    assert {item.metric for item in kpis.ALARMS} <= PUBLISHED.keys()
    assert set(kpis.OUTCOMES) <= PUBLISHED.keys()


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


def test_each_environment_has_its_own_metrics(environment: Environment) -> None:
    own = kpis.namespace(environment.name)
    for function in environment.of_type("AWS::Lambda::Function"):
        if variables := function.properties.get("Environment", {}).get("Variables"):
            assert variables.get("POWERTOOLS_METRICS_NAMESPACE", own) == own
    told = environment.function("send_reply")["Environment"]["Variables"]
    assert told["POWERTOOLS_METRICS_NAMESPACE"] == own
    shown = [item for item in environment.resources if item.type in SHOWN]
    named = set(re.findall(r"SchoolAssistant[\w/-]*", json.dumps([item.body for item in shown])))
    assert named == {own}


def test_the_waterfall_is_one_for_the_dashboard_and_the_local_table(dashboard: str) -> None:
    for step in kpis.waterfall(SchoolApi.REST):
        figure = step.metric if step.metric in PUBLISHED else f"measured.{step.metric}"
        assert f"pct({figure}, {kpis.TYPICAL}) as `{step.label}`" in dashboard
        assert f"'/aws/lambda/school-prod-{step.function.replace('_', '-')}'" in dashboard
    found = Collected()
    found.values["SchoolApiTime", "fetch_fees"] = [100, 200, 9000]
    found.values["SchoolApiTime", "school_graph"] = [400]
    found.values["SchoolApiTime", "fetch_student_page"] = [7000]
    assert ("school API, P50", "0.20 s", "") in rows(found, SchoolApi.REST)
    assert ("school API, P50", "0.40 s", "") in rows(found, SchoolApi.GRAPH)


def test_where_the_gateway_is_used_the_dashboard_shows_its_calls(
    node: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENVIRONMENTS, "gateway", ENVIRONMENTS["dev"] | {"school_api": "graph"})
    synthesized = synthesize("gateway", tmp_path / "out", empty_packages(tmp_path / "packages"))
    (found,) = synthesized.of_type("AWS::CloudWatch::Dashboard")
    body = json.dumps(found.body)
    assert "measured.SchoolApiTime" in body
    assert "/aws/lambda/school-gateway-school-graph" in body


def test_a_widget_has_few_searches(prod: Environment) -> None:
    (found,) = prod.of_type("AWS::CloudWatch::Dashboard")
    widgets = json.dumps(found.body).replace("\\", "").split('"type":')
    assert max(widget.count("SEARCH(") for widget in widgets) == 2
    (outcomes,) = [widget for widget in widgets if "What became of the answers" in widget]
    assert set(kpis.OUTCOMES) <= set(re.findall(r"MetricName=\"(\w+)\"", outcomes))


def test_what_is_not_delivered_is_shown_by_its_code(dashboard: str) -> None:
    for name in kpis.BY_CODE:
        assert re.search(rf"sum\(measured\.{name}\) as {name}.* by code", dashboard)
    found = Collected()
    found.values["FailedDeliveries", "record_delivery"] = [1, 1, 1]
    found.by["code"]["FailedDeliveries", "131026"] = [1, 1]
    found.by["code"]["FailedDeliveries", "131047"] = [1]
    shown = {label: value for label, value, _ in rows(found, SchoolApi.REST)}
    assert (shown["failed deliveries"], shown["  error 131026"], shown["  error 131047"]) == ("3", "2", "1")
    assert {"undeliverable", "operator needed"} <= set(shown)


def test_one_metric_without_a_value_hides_no_other(prod: Environment, dashboard: str) -> None:
    alarms = [item for item in prod.of_type("AWS::CloudWatch::Alarm") if "Metrics" in item.properties]
    expressions = [metric["Expression"] for item in alarms for metric in item["Metrics"] if "Expression" in metric]
    assert expressions
    assert all(text == "SUM([failed, late])" for text in expressions)
    for whole in ("CacheMisses", "FeedbackDown"):  # of a ratio: in one search with the other
        assert re.search(rf"FILL\(SUM\(SEARCH\('[^']* OR MetricName=\"{whole}\"\)'", dashboard.replace("\\", ""))
    assert ") + " not in dashboard
