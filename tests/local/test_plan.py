"""The configuration of a run."""

from datetime import date
from pathlib import Path

import pytest

from infra.catalog import FUNCTIONS, MACHINES, Machine, SchoolApi
from local.plan import OFFICE, Plan, Ports, queue_variable


def test_only_simulated_whatsapp_gets_the_office_of_the_sample(tmp_path: Path) -> None:
    simulated = Plan.create(tmp_path, Ports.free())
    real = Plan.create(tmp_path, Ports.free(), whatsapp_api_url="https://graph.facebook.com/v26.0")
    for function in FUNCTIONS:
        assert simulated.environment(function)["OFFICE_WHATSAPP"] == OFFICE
        assert "OFFICE_WHATSAPP" not in real.environment(function)


@pytest.mark.parametrize(
    "machine", [machine for machine in MACHINES if machine.queue], ids=lambda machine: machine.name
)
def test_senders_get_the_url_of_each_machines_queue(tmp_path: Path, machine: Machine) -> None:
    plan = Plan.create(tmp_path, Ports.free())
    variable = queue_variable(machine)
    senders = [function for function in FUNCTIONS if variable in function.environment]
    assert senders
    assert {plan.environment(sender)[variable] for sender in senders} == {plan.queue_url(f"{machine.queue}.fifo")}


def test_a_saved_plan_is_loaded_unchanged(tmp_path: Path) -> None:
    plan = Plan.create(tmp_path, Ports.free(), today=date(2026, 11, 23), school_api=SchoolApi.GRAPH)
    assert Plan.load(plan.save()) == plan
    assert plan.save().stat().st_mode & 0o077 == 0  # it holds the secrets of the run
