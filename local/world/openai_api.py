"""OpenAI's Responses API, as the `openai` SDK calls it."""

import secrets
import time
from decimal import Decimal
from typing import Any, Final

from functions.adapters.school_config import load
from functions.domain.money import Currency
from local.plan import Plan
from local.world.answering import Prompt, answer, order_in
from local.world.faults import Fault
from local.world.http_server import Request, Response
from local.world.profile import Profile

CHARACTERS_A_TOKEN: Final = 4
INVENTED: Final = Decimal("137.45")
ERRORS: Final = {
    400: ("invalid_request_error", None, "Invalid request."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: (
        "invalid_request_error",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    404: ("invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests per min (RPM). Please try again in 20s."),
    500: ("server_error", None, "The server had an error while processing your request. Sorry about that!"),
    503: ("server_error", None, "The engine is currently overloaded, please try again later."),
}


class OpenAiApi:
    """Answers from the material in the request (local/world/answering.py)."""

    def __init__(self, plan: Plan) -> None:
        self._authorisation = f"Bearer {plan.openai_api_key}".encode()
        self._currency = load(plan.config).currency

    def operation(self, request: Request) -> str:
        return "responses" if request.path.endswith("/responses") else "unknown"

    def detail(self, request: Request, response: Response | None) -> str:
        return ""

    def failure(self, fault: Fault) -> Response:
        response = _error(fault.status)
        if fault.retry_after is None:
            return response
        return Response(fault.status, response.body, headers={"Retry-After": str(fault.retry_after)})

    def answer(self, request: Request, profile: Profile, fault: Fault | None) -> Response:
        if not secrets.compare_digest(request.headers.get("authorization", "").encode(), self._authorisation):
            return _error(401)
        if request.method != "POST" or request.path != "/openai/v1/responses":
            return _error(404, f"Invalid URL ({request.method} {request.path.removeprefix('/openai')})")
        try:
            body = request.json
        except ValueError:
            return _error(400, "We could not parse the JSON body of your request.")
        problem = _problem(body)
        return _error(400, problem[1], problem[0]) if problem else Response.of(_respond(body, fault, self._currency))


def _problem(body: Any) -> tuple[str, str] | None:
    """(parameter, message) of the first error that OpenAI would report."""
    if not isinstance(body, dict):
        return "", "We could not parse the JSON body of your request."
    if not isinstance(body.get("model"), str) or not body["model"]:
        return "model", "Missing required parameter: 'model'."
    if not isinstance(body.get("input"), str | list) or not body["input"]:
        return "input", "Missing required parameter: 'input'."
    items = body["input"] if isinstance(body["input"], list) else []
    for place, item in enumerate(items):
        if not isinstance(item, dict) or item.get("role") not in ("user", "assistant", "system", "developer"):
            return f"input[{place}].role", f"Invalid value: 'input[{place}].role'."
    most = body.get("max_output_tokens")
    if most is not None and (not isinstance(most, int) or most < 16):
        return "max_output_tokens", "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16."
    if body.get("stream"):
        return "stream", "Streaming is not simulated here."
    if "messages" in body or "max_tokens" in body:
        return "messages", "Unsupported parameter: this is the Responses API; use 'input' and 'max_output_tokens'."
    return None


def _respond(body: dict[str, Any], fault: Fault | None, currency: Currency) -> dict[str, Any]:
    prompt = Prompt.of(body)
    kind = fault.kind if fault else ""
    part: dict[str, Any]
    if kind == "refusal":
        part = {"type": "refusal", "refusal": "I'm sorry, but I can't help with that."}
        text = part["refusal"]
    else:
        text = _text(prompt, kind, currency)
        part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    most: int | None = body.get("max_output_tokens")
    incomplete = kind == "incomplete" or (most is not None and _tokens(text) > most)
    if incomplete:
        limit = most * CHARACTERS_A_TOKEN if most is not None else len(text)
        part["text"] = text = text[: min(limit, len(text) // 2) if kind == "incomplete" else limit]
    status = "incomplete" if incomplete else "completed"
    output = {
        "type": "message", "id": "msg_" + secrets.token_hex(24), "status": status, "role": "assistant",
        "content": [part],
    }  # fmt: skip
    reading, writing = _tokens(prompt.given + prompt.question), _tokens(text)
    return {
        "id": "resp_" + secrets.token_hex(24),
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if incomplete else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": most,
        "metadata": body.get("metadata") or {},
        "model": body["model"],
        "output": [] if kind == "empty" else [output],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": body.get("store", True),
        "temperature": body.get("temperature", 1.0),
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": reading,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": writing,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": reading + writing,
        },
        "user": None,
    }


def _text(prompt: Prompt, kind: str, currency: Currency) -> str:
    if kind == "empty":
        return ""
    if kind == "obeys_injection":
        return order_in(prompt.question)
    if kind == "invents_amount":
        return f"Of course! That will be {currency.show(INVENTED)}, please."
    text = answer(prompt)
    return (text + " ") * (6000 // (len(text) + 1) + 1) if kind == "very_long" else text


def _tokens(text: str) -> int:
    return len(text) // CHARACTERS_A_TOKEN + 1


def _error(status: int, message: str | None = None, parameter: str | None = None) -> Response:
    kind, code, standard = ERRORS.get(status, ERRORS[500])
    body = {"error": {"message": message or standard, "type": kind, "param": parameter or None, "code": code}}
    return Response.of(body, status, {"x-request-id": "req_" + secrets.token_hex(16)})
