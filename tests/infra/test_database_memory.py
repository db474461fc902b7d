"""The memory of small databases: what is left for sign-ins with IAM, whatever is connected."""

from typing import Any

import pytest

from infra.database_memory import SHARES, SPARE, Share, share_of
from infra.settings import Settings, SettingsError
from tests.infra.conftest import CONTEXT


def load(**values: Any) -> Settings:
    environment = {"preset": "standard", "whatsapp_phone_number_id": "1", "school_api_url": "https://sms.example/api"}
    return Settings.load("test", {"test": environment | values}, CONTEXT["presets"])


@pytest.mark.parametrize("size", SHARES)
def test_every_connection_open_leaves_the_room_that_rds_asks_for(size: str) -> None:
    assert SHARES[size].spare >= SPARE


def test_rds_s_own_parameters_would_not_on_the_smallest() -> None:
    assert Share(1024, buffers=256, connections=112).spare < 0


def test_larger_instances_have_rds_s_own_parameters() -> None:
    assert share_of("m7g.large") is None
    assert share_of("t4g.micro") == share_of("t3.micro") == SHARES["micro"]


def test_an_instance_without_the_room_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"database.instance: t4g.nano has too little memory for sign-ins with IAM"):
        load(database={"instance": "t4g.nano"})


def test_more_calls_than_connections_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"functions: 115 calls at once .* t4g.micro has 40 connections"):
        load(database={"instance": "t4g.micro"})


@pytest.mark.parametrize("zones", [["eu-west-1a"], ["eu-west-1a", "eu-west-1a"], ["a", "b", "c"]])
def test_zones_are_two_different_ones(zones: list[str]) -> None:
    with pytest.raises(SettingsError, match=r"availability_zones: .* two different ones"):
        load(availability_zones=zones)


def test_what_fetches_accounts_the_other_way_reserves_nothing() -> None:
    rest, graph = load(), load(school_api="graph")
    assert (rest.reserved("school_graph"), rest.reserved("fetch_fees")) == (None, 20)
    assert (graph.reserved("school_graph"), graph.reserved("fetch_fees")) == (20, None)
