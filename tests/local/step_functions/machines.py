"""Small definitions, and functions for their tasks."""

import json
from collections.abc import Callable
from typing import Any


def task(function: str, **fields: Any) -> dict[str, Any]:
    """A Lambda task whose output is what the function returned."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {
            "FunctionName": f"arn:aws:lambda:eu-west-1:123456789012:function:{function}",
            "Payload": "{% $states.input %}",
        },
        "Output": "{% $states.result.Payload %}",
        **({} if "Next" in fields else {"End": True}),
        **fields,
    }


def machine(states: dict[str, Any], **fields: Any) -> str:
    return json.dumps({"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **fields})


def branch(states: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def passing(output: Any, **fields: Any) -> dict[str, Any]:
    return {"Type": "Pass", "Output": output, **({} if "Next" in fields else {"End": True}), **fields}


def echo(name: str, payload: Any) -> Any:
    return {"function": name, "payload": payload}


def failing(error: Exception, times: int = 10**6) -> Callable[[str, Any], Any]:
    calls: list[str] = []

    def invoke(name: str, payload: Any) -> Any:
        calls.append(name)
        if len(calls) <= times:
            raise error
        return {"calls": len(calls)}

    return invoke
