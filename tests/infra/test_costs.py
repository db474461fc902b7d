"""The page of costs is what the settings say now, and its counts are those of the templates."""

from dataclasses import replace

import pytest

from functions.domain.metrics import PUBLISHED
from infra import costs
from infra.catalog import FUNCTIONS
from infra.settings import Settings
from tests.infra.conftest import CONTEXT, Environment


def settings(name: str) -> Settings:
    return Settings.load(name, CONTEXT["environments"], CONTEXT["presets"])


def test_the_page_is_up_to_date() -> None:
    assert costs.DOCUMENT.read_text() == costs.document(), "run `make costs`"


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_what_is_counted_is_what_is_deployed(environments: dict[str, Environment], name: str) -> None:
    deployed = environments[name]
    alarms = deployed.of_type("AWS::CloudWatch::Alarm")
    looked_at = [
        sum("MetricStat" in it for it in item.properties.get("Metrics", [{"MetricStat": {}}])) for item in alarms
    ]
    assert costs.metrics_in_alarms(settings(name)) == sum(looked_at)
    assert len(costs.secret_names()) + 1 == len(deployed.of_type("AWS::SecretsManager::Secret"))
    assert len(deployed.of_type("AWS::KMS::Key")) == 1
    instances = [line for line in costs.bill(settings(name), 1000) if line.item.startswith(("Primary", "Replica"))]
    assert len(instances) == len(deployed.of_type("AWS::RDS::DBInstance"))


def test_every_function_of_an_answer_is_reckoned_with() -> None:
    assert costs.CALLS.keys() <= {item.name for item in FUNCTIONS}
    alternatives = {"fetch_account", "school_graph"}  # of fetch_fees and fetch_payments
    assert {item.name for item in FUNCTIONS if item.answering} - alternatives <= costs.CALLS.keys()


def test_more_messages_cost_more_and_a_larger_preset_too() -> None:
    totals = {
        preset: [costs.total(costs._settings(preset, CONTEXT), size) for size in costs.MESSAGES_A_DAY]
        for preset in CONTEXT["presets"]
    }
    for small, middle, large in totals.values():
        assert small < middle < large
    assert totals["lean"] < totals["standard"] < totals["group"]


@pytest.mark.parametrize(("preset", "wanted"), costs.TARGETS.items())
def test_a_small_school_pays_what_was_wanted(preset: str, wanted: int) -> None:
    """At list prices where a replica is; `lean` in an account with nothing else in it."""
    offered = costs.offered()[preset]
    counted = costs.after_allowances if preset == "lean" else costs.total
    assert wanted * 0.8 < counted(offered, 1000) <= wanted


def test_what_aws_gives_for_nothing_is_no_more_than_what_is_used() -> None:
    lean = costs._settings("lean", CONTEXT)
    few, many = costs.allowances(lean, 1).dollars, costs.allowances(lean, 10**9).dollars
    everything = sum(free * costs.price(name) for name, free in costs.ALLOWANCES.items())
    assert 0 < -few < -many
    assert -many <= everything


def test_metrics_are_counted_by_the_functions_that_write_them() -> None:
    assert costs.series().keys() == PUBLISHED.keys()
    assert costs.series()["OperatorNeeded"] == 2
    assert costs.own_metrics() < sum(costs.series().values())


def test_snapshots_are_on_the_bill_where_they_are_kept() -> None:
    lean = costs._settings("lean", CONTEXT)
    with_snapshots = replace(lean, snap_start=True)
    lines = {line.item: line.dollars for line in costs.bill(with_snapshots, 1000)}
    kept = sum(item.memory for item in FUNCTIONS if item.answers(with_snapshots.school_api)) / 1024
    assert lines["Snapshots of functions"] == pytest.approx(kept * 730 * 3600 * 0.0000015046)
    assert 0 < lines["Restores of functions"] < lines["Snapshots of functions"]
    assert "Snapshots of functions" not in {line.item for line in costs.bill(lean, 1000)}


def test_a_line_is_price_times_amount() -> None:
    (pipe,) = [line for line in costs.bill(costs._settings("lean", CONTEXT), 10_000) if line.item == "Pipe"]
    assert pipe.dollars == pytest.approx(300_000 * 0.40 / 1e6)
