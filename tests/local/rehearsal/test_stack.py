"""The engine of the emulated CloudFormation: order, replacement, retention, roll-back and exports, as on AWS."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from local.rehearsal.emulator.stack import ExportInUse, Exports, Stack
from local.rehearsal.emulator.template import TemplateError
from local.rehearsal.emulator.types.base import Context, Made, Properties, ResourceType


@dataclass
class Things(ResourceType):
    """A type that remembers what was done; a property `fail` makes it fail."""

    done: list[str] = field(default_factory=list)
    number: int = 0
    replaced_by = ("Name",)

    def create(self, context: Context, properties: Properties) -> Made:
        self._do("create", context, properties)
        self.number += 1
        return Made(f"{context.logical_id}-{self.number}", {"Arn": f"arn:{context.logical_id}"})

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        self._do("update", context, properties)
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        self.done.append(f"delete {made.id}")

    def _do(self, verb: str, context: Context, properties: Properties) -> None:
        if properties.get("fail"):
            raise RuntimeError("as asked")
        self.done.append(f"{verb} {context.logical_id}")


@pytest.fixture
def things() -> Things:
    return Things()


@pytest.fixture
def exports() -> Exports:
    return Exports()


@pytest.fixture
def stack(things: Things, exports: Exports) -> Stack:
    return Stack("one", lambda name: things, exports)


def thing(**properties: Any) -> dict[str, Any]:
    return {"Type": "A::Thing", "Properties": properties}


def template(outputs: dict[str, Any] | None = None, **resources: Any) -> dict[str, Any]:
    return {"Resources": resources, "Outputs": outputs or {}}


def test_only_what_changed_is_updated_even_if_its_own_text_did_not(stack: Stack, things: Things) -> None:
    resources = {"Layer": thing(Name="1"), "Function": thing(layer={"Ref": "Layer"}), "Other": thing(x=1)}
    stack.apply(template(**resources), {})
    things.done.clear()
    stack.apply(template(**resources | {"Layer": thing(Name="2")}), {})
    assert stack.status == "UPDATE_COMPLETE"
    assert things.done == ["create Layer", "update Function", "delete Layer-1"]


def test_what_is_removed_from_the_template_is_deleted_after_the_rest_in_reverse_order(
    stack: Stack, things: Things
) -> None:
    stack.apply(template(A=thing(), B=thing(a={"Ref": "A"}), C=thing()), {})
    things.done.clear()
    stack.apply(template(C=thing(x=1)), {})
    assert things.done == ["update C", "delete B-2", "delete A-1"]


def test_a_failed_update_is_rolled_back_to_what_was_there(stack: Stack, things: Things) -> None:
    stack.apply(template(A=thing(x=1), B=thing(x=1)), {})
    things.done.clear()
    stack.apply(template(A=thing(x=2), B=thing(x=2, fail=True), C=thing()), {})
    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "B (A::Thing): RuntimeError: as asked" in stack.reason
    assert things.done == ["update A", "update A"]
    assert stack.resources["A"].properties == {"x": 1}
    assert set(stack.resources) == {"A", "B"}


def test_a_failed_creation_leaves_nothing(stack: Stack, things: Things) -> None:
    stack.apply(template(A=thing(), B=thing(a={"Ref": "A"}, fail=True)), {})
    assert stack.status == "ROLLBACK_COMPLETE"
    assert things.done == ["create A", "delete A-1"]


def test_what_is_to_be_retained_stays_after_deletion(stack: Stack, things: Things) -> None:
    stack.apply(template(Data=thing() | {"DeletionPolicy": "Retain"}, Code=thing()), {})
    stack.delete()
    assert "delete Code-2" in things.done
    assert "delete Data-1" not in things.done
    assert stack.retained == [("A::Thing", "Data", "Data-1")]


def test_a_protected_stack_is_not_deleted(stack: Stack) -> None:
    stack.apply(template(A=thing()), {})
    stack.protected = True
    with pytest.raises(TemplateError, match="TerminationProtection"):
        stack.delete()


def test_an_export_that_another_stack_uses_cannot_be_removed(stack: Stack, things: Things, exports: Exports) -> None:
    output = {"Out": {"Value": {"Ref": "A"}, "Export": {"Name": "a"}}}
    stack.apply(template(output, A=thing()), {})
    other = Stack("two", lambda name: things, exports)
    other.apply(template(B=thing(a={"Fn::ImportValue": "a"})), {})
    assert other.resources["B"].properties == {"a": "A-1"}
    stack.apply(template(A=thing()), {})
    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "in use by two" in stack.reason
    with pytest.raises(ExportInUse):
        stack.delete()
    other.delete()
    stack.delete()
    assert exports.values == {}
