"""What a run tells its functions."""

from pathlib import Path

from infra.catalog import FUNCTIONS
from local.plan import Plan, Ports


def test_the_samples_office_is_written_to_in_the_simulation_only(tmp_path: Path) -> None:
    simulated = Plan.create(tmp_path, Ports.free())
    real = Plan.create(tmp_path, Ports.free(), whatsapp_api_url="https://graph.facebook.com/v26.0")
    for function in FUNCTIONS:
        assert simulated.environment(function)["OFFICE_WHATSAPP"] == simulated.office == "+263772000900"
        assert "OFFICE_WHATSAPP" not in real.environment(function)
