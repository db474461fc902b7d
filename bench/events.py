"""A real event for each function, made by running one conversation's functions one after the other."""

import json
import time
from typing import Any

from bench.stage import TERM, Stage, families
from functions.adapters.whatsapp import inbound
from local.lambda_service.client import LambdaClient
from local.parent import new_message_id, text
from local.world.webhooks import encode, signature


class Events:
    """What each function is invoked with in the cold start's first call; those not here get none."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._family = families(stage.school, 1, 1)[0]
        fetch = {"student_ids": self._family.ids, "term": TERM}
        question = self._seen("What time does school start and end?")
        asked_pass = self._seen("gate pass")
        balance = self._seen("balance")
        account = {
            "term": TERM,
            "as_of": "2026-11-23T08:00:00+00:00",
            "stale": False,
            **self._call("fetch_fees", fetch),
            **self._call("fetch_payments", fetch),
        }
        reply = {"person": balance["person"], "plan": balance["plan"], "account": account}
        self._fixed: dict[str, Any] = {
            "fetch_fees": fetch,
            "fetch_payments": fetch,
            "fetch_account": fetch,
            "ai_reply": {"plan": question["plan"], "account": None},
            "gate_pass": {
                "student": asked_pass["plan"]["students"][0],
                "account": account,
                "phone": self._family.parent.phone,
            },
            "find_student": {"student_ids": self._family.ids},
            "release_claim": {"message_id": new_message_id(), "run": "bench", "request": None},
            "record_delivery": {"Records": [{"messageId": "1", "body": json.dumps({"events": []})}]},
            "migrate": {},
            "verify_pass": _http("GET", "/passes/unknown", {"token": "unknown"}),
        }
        self._reply = reply

    def of(self, function: str) -> Any:
        """The event; None where there is none worth measuring."""
        if function == "webhook":
            return self._webhook()
        if function == "understand":
            return {"message": self._message("balance")}
        if function == "send_reply":
            return {"message": self._message("balance"), **self._reply}
        if function == "record_conversation":
            sent = {"status": "sent", "reply_id": new_message_id(), "messages": 1, "sent_at": int(time.time())}
            return {"message": self._message("balance"), **self._reply, "fetched": True, "sent": sent}
        if function == "gate_pass":
            self._stage.withdraw_passes(self._family)
            return {"message_id": new_message_id(), **self._fixed["gate_pass"]}
        return self._fixed.get(function)

    def _message(self, words: str) -> dict[str, object]:
        body = self._family.parent.webhook_body(text(words), new_message_id())
        return inbound.read(body).messages[0].as_json()

    def _webhook(self) -> dict[str, Any]:
        """One signed message: typing indicator and queue. The pipe should be stopped, or a conversation follows."""
        raw = encode(self._family.parent.webhook_body(text("balance"), new_message_id()))
        event = _http("POST", "/webhook", {})
        event["headers"] = {"x-hub-signature-256": signature(raw, self._stage.plan.app_secret)}
        return event | {"body": raw.decode()}

    def _seen(self, words: str) -> dict[str, Any]:
        return self._call("understand", {"message": self._message(words)})

    def _call(self, function: str, event: Any) -> dict[str, Any]:
        return dict(LambdaClient(self._stage.plan.lambdas_url).invoke(function, event))


def _http(method: str, path: str, parameters: dict[str, str]) -> dict[str, Any]:
    """An event of the HTTP API, payload format 2.0."""
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {},
        "pathParameters": parameters,
        "requestContext": {"http": {"method": method, "path": path}},
        "isBase64Encoded": False,
    }
