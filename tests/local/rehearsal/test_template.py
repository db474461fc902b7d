"""The functions of CloudFormation's templates, and the order that their references give."""

from typing import Any

import pytest

from local.rehearsal.emulator.template import TemplateError, Values, in_order

TEMPLATE = {
    "Parameters": {"Size": {}},
    "Conditions": {"Large": {"Fn::Equals": [{"Ref": "Size"}, "large"]}, "Small": {"Fn::Not": [{"Condition": "Large"}]}},
    "Mappings": {"Map": {"eu": {"key": "value"}}},
}


def resolve(node: Any, size: str = "large") -> Any:
    return Values(
        TEMPLATE,
        {"Size": size},
        {"exported": "from another stack"},
        "eu-west-1",
        lambda name: f"id-of-{name}",
        lambda name, attribute: f"{attribute}-of-{name}",
    ).resolve(node)


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ({"Ref": "Size"}, "large"),
        ({"Ref": "Queue"}, "id-of-Queue"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, "Arn-of-Queue"),
        ({"Fn::GetAtt": "Database.Endpoint.Address"}, "Endpoint.Address-of-Database"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Queue"}]]}, "a-id-of-Queue"),
        ({"Fn::Select": [1, {"Fn::Split": [":", "a:b:c"]}]}, "b"),
        (
            {"Fn::Sub": "${Queue} ${Database.Endpoint.Port} ${!Literal}"},
            "id-of-Queue Endpoint.Port-of-Database ${Literal}",
        ),
        ({"Fn::Sub": ["${Own}-${Queue}", {"Own": {"Ref": "Size"}}]}, "large-id-of-Queue"),
        ({"Fn::If": ["Large", "big", "little"]}, "big"),
        ({"Fn::If": ["Small", "little", {"Ref": "Queue"}]}, "id-of-Queue"),
        ({"Fn::ImportValue": "exported"}, "from another stack"),
        ({"Fn::FindInMap": ["Map", "eu", "key"]}, "value"),
        ({"Fn::Select": [0, {"Fn::GetAZs": ""}]}, "eu-west-1a"),
        ({"Fn::Base64": "a"}, "YQ=="),
    ],
)
def test_a_function_of_a_template_is_resolved(node: Any, value: Any) -> None:
    assert resolve(node) == value


def test_a_property_without_a_value_is_left_out() -> None:
    nothing = {"Fn::If": ["Small", "x", {"Ref": "AWS::NoValue"}]}
    assert resolve({"kept": 1, "gone": nothing, "list": [nothing, 2]}) == {"kept": 1, "list": [2]}


def test_an_export_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(TemplateError, match="No export named missing"):
        resolve({"Fn::ImportValue": "missing"})


def test_resources_come_after_what_they_refer_to() -> None:
    resources = {
        "Function": {"DependsOn": "Policy", "Properties": {"Role": {"Fn::GetAtt": ["Role", "Arn"]}}},
        "Policy": {"Properties": {"Roles": [{"Ref": "Role"}]}},
        "Role": {},
        "Output": {"Properties": {"Text": {"Fn::Sub": "${Function.Arn} ${AWS::Region}"}}},
    }
    assert in_order(resources) == ["Role", "Policy", "Function", "Output"]


def test_a_circle_is_refused() -> None:
    with pytest.raises(TemplateError, match="Circular"):
        in_order({"A": {"DependsOn": ["B"]}, "B": {"Properties": {"A": {"Ref": "A"}}}})
