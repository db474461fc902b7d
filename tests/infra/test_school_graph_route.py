"""Who may call the GraphQL gateway on AWS, and what the setting `school_api` changes."""

import json
from pathlib import Path

import pytest

from infra.catalog import FUNCTIONS, SchoolApi
from infra.settings import Settings, SettingsError
from tests.infra import conftest
from tests.infra.conftest import CONTEXT, Environment, as_list, empty_packages, synthesize


def test_only_the_gateway_wants_a_signature(environment: Environment) -> None:
    """WhatsApp and a guard's phone have none to give."""
    routes = {item["RouteKey"]: item["AuthorizationType"] for item in environment.of_type("AWS::ApiGatewayV2::Route")}
    assert {key for key, kind in routes.items() if kind == "AWS_IAM"} == {"POST /graphql"}


def test_one_role_may_call_it_and_nothing_else_of_the_api(environment: Environment) -> None:
    found = {
        function.name: statement["Resource"]
        for function in FUNCTIONS
        for statement in environment.statements(environment.function(function.name)["Role"])
        if "execute-api:Invoke" in as_list(statement["Action"])
    }
    assert found.keys() == {"fetch_account"}
    (api,) = environment.of_type("AWS::ApiGatewayV2::Api")
    parts = found["fetch_account"]["Fn::Join"][1]
    assert parts[-2:] == [{"Ref": api.id}, "/$default/POST/graphql"]
    url = environment.function("fetch_account")["Environment"]["Variables"]["SCHOOL_GRAPH_URL"]
    assert json.dumps(api.id) in json.dumps(url)
    assert url["Fn::Join"][1][-1] == "/graphql"


@pytest.fixture(scope="module")
def by_graph(node: None, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """`prod` with accounts fetched through the gateway."""
    folder: Path = tmp_path_factory.mktemp("graph")
    settings = {**CONTEXT["environments"]["prod"], "school_api": "graph"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(conftest.ENVIRONMENTS, "graph", settings)
        return synthesize("graph", folder / "out", empty_packages(folder / "packages"))


def test_the_conversation_is_told_which_way_to_go(prod: Environment, by_graph: Environment) -> None:
    for environment, way in ((prod, "rest"), (by_graph, "graph")):
        machines = environment.of_type("AWS::StepFunctions::StateMachine")
        told = [item["DefinitionSubstitutions"].get("SchoolApi") for item in machines]
        assert {word for word in told if word} == {way}


def test_neither_way_is_kept_warm(prod: Environment, by_graph: Environment) -> None:
    """Only what every message passes is."""
    for environment in (prod, by_graph):
        warm = {
            item["FunctionName"]["Ref"]
            for item in environment.of_type("AWS::Lambda::Version")
            if "ProvisionedConcurrencyConfig" in item.properties
        }
        ways = ("fetch_account", "school_graph", "fetch_fees", "fetch_payments")
        assert warm
        assert not {environment.function(name).id for name in ways} & warm


def test_another_way_is_refused_by_name() -> None:
    environments = {"dev": CONTEXT["environments"]["dev"] | {"school_api": "soap"}}
    with pytest.raises(SettingsError, match=r"dev\.school_api: one of rest, graph is wanted, not 'soap'"):
        Settings.load("dev", environments, CONTEXT["presets"])
    assert Settings.load("dev", CONTEXT["environments"], CONTEXT["presets"]).school_api is SchoolApi.REST
