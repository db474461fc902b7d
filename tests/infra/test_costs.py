"""The page of costs is what the settings say now, and its counts are those of the templates."""

from dataclasses import replace

import pytest

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
    assert costs.number_of_alarms(settings(name)) == len(deployed.of_type("AWS::CloudWatch::Alarm"))
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


def test_the_plan_s_budget_buys_the_lean_preset() -> None:
    assert 25 <= costs.total(costs._settings("lean", CONTEXT), 1000) <= 50


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
