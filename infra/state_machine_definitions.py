import json
from pathlib import Path

RETRY = {
    "ErrorEquals": [
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.TooManyRequestsException",
    ],
    "IntervalSeconds": 1,
    "MaxAttempts": 2,
    "BackoffRate": 2,
    "JitterStrategy": "FULL",
}


def load_definition(name):
    d = json.loads((Path(__file__).parents[1] / "statemachines" / f"{name}.asl.json").read_text())

    def walk(n):
        if isinstance(n, dict):
            if n.get("Resource") == "arn:aws:states:::lambda:invoke":
                r = n.setdefault("Retry", [])
                if not any("Lambda.ServiceException" in x["ErrorEquals"] for x in r):
                    r.append(RETRY)
            for v in n.values():
                walk(v)
        elif isinstance(n, list):
            for v in n:
                walk(v)

    walk(d)
    return json.dumps(d)
