"""What a run tells its functions."""

import json
import subprocess
import sys
from dataclasses import astuple
from pathlib import Path

from infra.catalog import FUNCTIONS
from local.plan import Plan, Ports


def test_the_samples_office_is_written_to_in_the_simulation_only(tmp_path: Path) -> None:
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
    assert Ports.free(front_door=8080, redis=7000).front_door == 8080
    assert Ports.free(front_door=8080, redis=7000).redis == 7000
