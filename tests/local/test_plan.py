"""The configuration of a run."""

import json
import subprocess
import sys
from dataclasses import astuple
from datetime import date
from pathlib import Path

import pytest

from infra.catalog import FUNCTIONS, MACHINES, Machine, SchoolApi
from local.plan import Plan, Ports


def test_only_simulated_whatsapp_gets_the_office_of_the_sample(tmp_path: Path) -> None:
    simulated = Plan.create(tmp_path, Ports.free())
    real = Plan.create(tmp_path, Ports.free(), whatsapp_api_url="https://graph.facebook.com/v26.0")
    for function in FUNCTIONS:
        assert simulated.environment(function)["OFFICE_WHATSAPP"] == simulated.office == "+263772000900"
        assert "OFFICE_WHATSAPP" not in real.environment(function)


def test_runs_that_choose_at_the_same_time_get_different_ports() -> None:
    script = (
        "import dataclasses, json, random; random.seed(1); from local.plan import Ports;"
        "print(json.dumps(dataclasses.astuple(Ports.free())), flush=True); input()"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    chosen = [json.loads(process.stdout.readline()) for process in processes if process.stdout]
    chosen += [list(astuple(Ports.free())) for _ in range(3)]
    for process in processes:
        process.communicate("\n")
    ports = [port for run in chosen for port in run]
    assert len(chosen) == 6
    assert len(set(ports)) == len(ports)


def test_a_run_keeps_the_ports_that_it_was_given() -> None:
    assert Ports.free(http_api=8080, redis=7000).http_api == 8080
    assert Ports.free(http_api=8080, redis=7000).redis == 7000


@pytest.mark.parametrize(
    "machine", [machine for machine in MACHINES if machine.queue], ids=lambda machine: machine.name
)
def test_senders_get_the_url_of_each_machines_queue(tmp_path: Path, machine: Machine) -> None:
    plan = Plan.create(tmp_path, Ports.free())
    variable = machine.queue_url_setting
    senders = [function for function in FUNCTIONS if variable in function.environment]
    assert senders
    assert {plan.environment(sender)[variable] for sender in senders} == {plan.queue_url(f"{machine.queue}.fifo")}


def test_a_saved_plan_is_loaded_unchanged(tmp_path: Path) -> None:
    plan = Plan.create(tmp_path, Ports.free(), today=date(2026, 11, 23), school_api=SchoolApi.GRAPH)
    assert Plan.load(plan.save()) == plan
    assert plan.save().stat().st_mode & 0o077 == 0  # it holds the secrets of the run
