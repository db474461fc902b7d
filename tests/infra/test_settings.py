"""Settings that cannot work are refused before anything is deployed, each by its name."""

import json
from typing import Any

import pytest

from infra.catalog import FUNCTIONS
from infra.paths import ROOT
from infra.settings import Settings, SettingsError
from tests.infra.conftest import CONTEXT, EXISTING_DATABASE

PRESETS = {"small": {"provisioned_concurrency": 0, "database": {"replica": False, "backup_days": 1}}}
MINIMUM = {"preset": "small", "whatsapp_phone_number_id": "123", "school_api_url": "https://sms.example/api"}


def load(**changes: Any) -> Settings:
    return Settings.load("dev", {"dev": MINIMUM | changes}, PRESETS)


@pytest.mark.parametrize("name", CONTEXT["environments"])
def test_the_environments_of_cdk_json_can_be_read(name: str) -> None:
    assert Settings.load(name, CONTEXT["environments"], CONTEXT["presets"]).environment == name


@pytest.mark.parametrize("preset", CONTEXT["presets"])
def test_every_preset_can_be_used(preset: str) -> None:
    environments = {"dev": MINIMUM | {"preset": preset}}
    assert Settings.load("dev", environments, CONTEXT["presets"]).preset == preset


def test_an_environment_says_only_what_differs_from_its_preset() -> None:
    settings = load(database={"backup_days": 3})
    assert (settings.database.backup_days, settings.database.replica) == (3, False)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"colour": "blue"}, "dev.colour: no such setting"),
        ({"database": {"colour": "blue"}}, "dev.database.colour: no such setting"),
        ({"database": 5}, "dev.database: an object is wanted"),
        ({"database": {"instance": "large"}}, "dev.database.instance: 'large'"),
        ({"database": {"storage": 5}}, "dev.database.storage: 5"),
        ({"database": {"storage": True}}, "dev.database.storage: a whole number is wanted"),
        ({"database": {"replica": True, "backup_days": 0}}, "dev.database.backup_days: a replica needs backups"),
        ({"database": {"existing": {"identifier": "x"}}}, "dev.database.existing.host: missing"),
        (
            {"database": {"existing": EXISTING_DATABASE | {"subnet_ids": ["subnet-1"]}}},
            "dev.database.existing.subnet_ids: two subnets",
        ),
        ({"cache": {"maximum_requests": 1}}, "dev.cache.maximum_requests: 1"),
        ({"log_days": 31}, "dev.log_days: 31"),
        ({"log_days": "30"}, "dev.log_days: a whole number is wanted, not '30'"),
        ({"log_level": "LOUD"}, "dev.log_level: 'LOUD'"),
        ({"alarm_email": "nobody"}, "dev.alarm_email: 'nobody'"),
        ({"school_api_url": "http://sms.example/api"}, "dev.school_api_url: 'http://sms.example/api'"),
        ({"public_url": "https://bot.example/"}, "dev.public_url: 'https://bot.example/'"),
        ({"whatsapp_phone_number_id": "+263 77"}, "dev.whatsapp_phone_number_id: '+263 77'"),
        ({"whatsapp_phone_number_id": None}, "dev.whatsapp_phone_number_id: text is wanted"),
        ({"school_api": "soap"}, "dev.school_api: one of rest, graph is wanted"),
        ({"release_watch_minutes": 1}, "dev.release_watch_minutes: 1"),
        ({"api_burst": 1}, "dev.api_burst: 1"),
        ({"functions": {"dance": {}}}, "dev.functions.dance: no such function"),
        ({"functions": {"webhook": {"memory": 64}}}, "dev.functions.webhook.memory: 64"),
        ({"functions": {"webhook": {"reserved_concurrency": -1}}}, "dev.functions.webhook.reserved_concurrency: -1"),
        (
            {"provisioned_concurrency": 5, "functions": {"understand": {"reserved_concurrency": 9}}},
            "dev.functions.understand: reserved_concurrency 9",
        ),
        ({"preset": "huge"}, "dev.preset: no preset 'huge'; there are: small"),
    ],
)
def test_what_cannot_work_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError) as error:
        load(**changes)
    assert named in str(error.value)


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        load(colour="blue", log_days=31, cache={"maximum_storage": "big"})
    assert all(name in str(error.value) for name in ("colour", "cache.maximum_storage"))


def test_what_is_missing_is_named() -> None:
    with pytest.raises(SettingsError, match=r"dev\.school_api_url: missing"):
        Settings.load("dev", {"dev": {"preset": "small", "whatsapp_phone_number_id": "1"}}, PRESETS)


def test_an_unknown_environment_is_answered_with_those_there_are() -> None:
    with pytest.raises(SettingsError, match=r"no environment 'test' in cdk\.json; there are: dev"):
        Settings.load("test", {"dev": MINIMUM}, PRESETS)


def test_what_every_message_passes_is_kept_warm_and_the_rest_of_an_answer_starts_from_snapshots() -> None:
    settings = load(provisioned_concurrency=2, snap_start=True, functions={"verify_pass": {"memory": 256}})
    warm = {item.name: settings.provisioned(item.name) for item in FUNCTIONS if settings.provisioned(item.name)}
    assert warm == {"webhook": 2, "understand": 2, "send_reply": 2}
    assert not settings.snap_starts("understand")
    assert settings.snap_starts("gate_pass")
    assert not settings.snap_starts("verify_pass")
    assert load(functions={"verify_pass": {"provisioned_concurrency": 1}}).provisioned("verify_pass") == 1


def test_the_values_that_a_clone_comes_with_are_pointed_out() -> None:
    fresh = Settings.load("prod", CONTEXT["environments"], CONTEXT["presets"])
    assert set(fresh.samples()) == {"whatsapp_phone_number_id", "school_api_url"}
    assert not list(load(school_api_url="https://sms.school.zw/api").samples())


def test_operations_explains_every_setting() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    missing = [name for name in Settings.__dataclass_fields__ if name != "environment" and f"`{name}`" not in text]
    assert not missing


def test_cdk_json_is_what_the_cli_reads() -> None:
    content = json.loads((ROOT / "cdk.json").read_text())
    assert content["app"].endswith("python3 app.py")
    assert content["versionReporting"] is False
