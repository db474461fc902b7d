"""An OpenAI-compatible API: the Responses call as the `openai` SDK makes it, and transcription of known recordings."""

import asyncio
import hashlib
import io
import json
import secrets
import time
from collections.abc import Awaitable
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from typing import Any, Final

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from functions.adapters.school_config import load
from functions.domain.money import Currency
from local import samples
from local.plan import Plan
from local.world import structured_output
from local.world.faults import Fault
from local.world.http_server import Request, Response
from local.world.language_model.model import answer, order_in, reply
from local.world.language_model.prompt import Prompt
from local.world.profile import InvalidSetting, Profile

CHARACTERS_A_TOKEN: Final = 4
INVENTED: Final = Decimal("137.45")
CACHED_FROM: Final = 1024  # tokens; shorter prompts are not cached
CACHED_STEP: Final = 128
CACHE_LIFE: Final = 600.0  # seconds since the last use
LARGEST_RECORDING: Final = 25 * 1024 * 1024
AUDIO: Final = {  # first bytes of what can be transcribed
    "ogg": (0, b"OggS"),
    "wav": (0, b"RIFF"),
    "flac": (0, b"fLaC"),
    "mp3": (0, b"ID3"),
    "mpeg": (0, b"\xff\xfb"),
    "m4a": (4, b"ftyp"),
    "webm": (0, b"\x1aE\xdf\xa3"),
}
ERRORS: Final = {
    400: ("invalid_request_error", None, "Invalid request."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: (
        "invalid_request_error",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    404: ("invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."),
    413: ("server_error", None, "Maximum content size limit (26214400) exceeded."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests per min (RPM). Please try again in 20s."),
    500: ("server_error", None, "The server had an error while processing your request. Sorry about that!"),
    503: ("server_error", None, "The engine is currently overloaded, please try again later."),
}
# Replies that a model may give against its instructions, by kind of fault.
_AGAINST_THE_CONTRACT: Final = {
    "unknown_wish": {"type": "wish", "wish": "pay_fees", "children": [], "term": None},
    "other_child": {"type": "wish", "wish": "balance", "children": [9], "term": None},
}


class OpenAiApi:
    """Answers out of the request's own material (local/world/language_model/)."""

    computes = True

    def __init__(self, plan: Plan) -> None:
        self._authorisation = f"Bearer {plan.openai_api_key}".encode()
        self._currency = load(plan.config).currency
        self._cached: dict[tuple[str, str], float] = {}  # prompt -> time of its last use
        self._recordings = {hashlib.sha256(samples.VOICE_NOTE.read_bytes()).hexdigest(): samples.SAID}  # by SHA-256
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="language model")

    def prewarm(self, instructions: str) -> Future[Any]:
        """Read what every request will say in the background, so that the first question does not wait for it."""
        return self._thread.submit(reply, Prompt.of({"instructions": instructions, "input": "When does school start?"}))

    def stop(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def know_recording(self, digest: str, values: Any) -> None:
        """A recording that will be transcribed: `{"text": ...}` by the SHA-256 of its file."""
        text = values.get("text") if isinstance(values, dict) else None
        if len(digest) != 64 or not isinstance(text, str):
            raise InvalidSetting("text", "what is said in the recording whose SHA-256 is in the path")
        self._recordings[digest.lower()] = text

    def operation(self, request: Request) -> str:
        for name in ("responses", "transcriptions"):
            if request.path.endswith(f"/{name}"):
                return name
        return "unknown"

    def detail(self, request: Request, response: Response | None) -> str:
        return ""

    def failure(self, fault: Fault) -> Response:
        response = _error(fault.status)
        if fault.retry_after is None:
            return response
        return Response(fault.status, response.body, headers={"Retry-After": str(fault.retry_after)})

    def answer(self, request: Request, profile: Profile, fault: Fault | None) -> Response | Awaitable[Response]:
        if not secrets.compare_digest(request.headers.get("authorization", "").encode(), self._authorisation):
            return _error(401)
        match request.method, request.path:
            case "POST", "/openai/v1/audio/transcriptions":
                return self._transcribe(request, fault)
            case "POST", "/openai/v1/responses":
                return self._responses(request, fault)
        return _error(404, f"Invalid URL ({request.method} {request.path.removeprefix('/openai')})")

    # --- responses ----------------------------------------------------------------------------------------------------

    def _responses(self, request: Request, fault: Fault | None) -> Response | Awaitable[Response]:
        try:
            body = request.json
        except ValueError:
            return _error(400, "We could not parse the JSON body of your request.")
        if problem := _problem(body):
            return _error(400, problem[1], problem[0])
        return self._respond(body, fault)

    async def _respond(self, body: dict[str, Any], fault: Fault | None) -> Response:
        """The model works in a thread of its own: other requests to the world go on."""
        prompt, kind = Prompt.of(body), fault.kind if fault else ""
        text = await asyncio.get_running_loop().run_in_executor(self._thread, _text, prompt, body, kind, self._currency)
        reading = _tokens(prompt.given + prompt.question)
        return Response.of(_response(body, kind, text, reading, self._cached_tokens(body)))

    def _cached_tokens(self, body: dict[str, Any]) -> int:
        """Tokens of the instructions that the provider has read before, for the same cache key."""
        instructions = str(body.get("instructions") or "")
        key, now = (str(body.get("prompt_cache_key")), instructions), time.monotonic()
        seen = now - self._cached.get(key, -CACHE_LIFE) < CACHE_LIFE
        self._cached = {known: last for known, last in self._cached.items() if now - last < CACHE_LIFE} | {key: now}
        tokens = _tokens(instructions)
        return tokens // CACHED_STEP * CACHED_STEP if seen and tokens >= CACHED_FROM else 0

    # --- transcription ------------------------------------------------------------------------------------------------

    def _transcribe(self, request: Request, fault: Fault | None) -> Response:
        """What a known recording holds; "" for one of nothing that can be understood."""
        content_type = request.headers.get("content-type", "")
        if not content_type.startswith("multipart/form-data"):
            return _error(400, "Could not parse multipart form")
        options = dict(part.strip().split("=", 1) for part in content_type.split(";")[1:] if "=" in part)
        try:
            parser = FormDataParser(lambda *_, **__: io.BytesIO(), max_form_memory_size=1024 * 1024)
            _, form, files = parser.parse(
                io.BytesIO(request.body),
                "multipart/form-data",
                len(request.body),
                {"boundary": options["boundary"].strip('"')},
            )
        except (ValueError, KeyError, RequestEntityTooLarge):
            return _error(400, "Could not parse multipart form")
        if not form.get("model"):
            return _error(400, "you must provide a model parameter", "model")
        if "file" not in files:
            return _error(400, "Missing required parameter: 'file'.", "file")
        content = files["file"].read()
        if len(content) > LARGEST_RECORDING:
            return _error(413)
        if not any(content[at : at + len(start)] == start for at, start in AUDIO.values()):
            supported = sorted(AUDIO)
            return _error(400, f"Invalid file format. Supported formats: {supported}", "file")
        said = self._recordings.get(hashlib.sha256(content).hexdigest(), "")
        if fault and fault.kind == "empty":
            said = ""
        if form.get("response_format", "json") == "text":
            return Response(200, f"{said}\n".encode(), "text/plain; charset=utf-8")
        return Response.of({"text": said, "usage": {"type": "duration", "seconds": max(len(content) // 4000, 1)}})


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
    if "messages" in body or "max_tokens" in body or "response_format" in body:
        return (
            "messages",
            "Unsupported parameter: this is the Responses API; use 'input', 'text' and 'max_output_tokens'.",
        )
    return structured_output.problem(body.get("text"))


def _response(body: dict[str, Any], kind: str, text: str, reading: int, cached: int) -> dict[str, Any]:
    most: int | None = body.get("max_output_tokens")
    part: dict[str, Any] = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    if kind == "refusal":
        part = {"type": "refusal", "refusal": text}
    stopped = {"incomplete": "max_output_tokens", "content_filter": "content_filter"}.get(kind)
    if most is not None and _tokens(text) > most:
        stopped = "max_output_tokens"
    if stopped:
        limit = most * CHARACTERS_A_TOKEN if most is not None else len(text)
        part["text"] = text = text[: min(limit, len(text) // 2) if kind in ("incomplete", "content_filter") else limit]
    status = "failed" if kind == "failed" else "incomplete" if stopped else "completed"
    output = {
        "type": "message", "id": "msg_" + secrets.token_hex(24), "status": status, "role": "assistant",
        "content": [part],
    }  # fmt: skip
    writing = _tokens(text)
    return {
        "id": "resp_" + secrets.token_hex(24),
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "background": False,
        "error": {"code": "server_error", "message": "The model failed to respond."} if kind == "failed" else None,
        "incomplete_details": {"reason": stopped} if stopped else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": most,
        "metadata": body.get("metadata") or {},
        "model": body["model"],
        "output": [] if kind in ("empty", "failed") else [output],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": body.get("store", True),
        "temperature": body.get("temperature", 1.0),
        "text": {"format": {"type": "text"}, "verbosity": "medium", **(body.get("text") or {})},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": reading,
            "input_tokens_details": {"cached_tokens": min(cached, reading), "cache_write_tokens": 0},
            "output_tokens": writing,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": reading + writing,
        },
        "user": None,
    }


def _text(prompt: Prompt, body: dict[str, Any], kind: str, currency: Currency) -> str:
    """What the model writes, faults included."""
    if kind in ("empty", "failed"):
        return ""
    if kind == "refusal":
        return "I'm sorry, but I can't help with that."
    structured = structured_output.is_structured(body.get("text"))
    said = {
        "obeys_injection": lambda: order_in(prompt.question),
        "invents_amount": lambda: f"Of course! That will be {currency.show(INVENTED)}, please.",
        "very_long": lambda: "The school is glad to help. " * 250,
    }.get(kind)
    if not structured:
        return said() if said else answer(prompt)
    if kind in _AGAINST_THE_CONTRACT:
        found: dict[str, Any] = {"language": "en", "reply": _AGAINST_THE_CONTRACT[kind], "also": None}
    elif said:
        found = {"language": "en", "reply": {"type": "answer", "text": said()}, "also": None}
    else:
        found = reply(prompt)
    text = json.dumps(found, ensure_ascii=False)
    return text[: len(text) // 2] if kind == "half_json" else text


def _tokens(text: str) -> int:
    return len(text) // CHARACTERS_A_TOKEN + 1


def _error(status: int, message: str | None = None, parameter: str | None = None) -> Response:
    kind, code, standard = ERRORS.get(status, ERRORS[500])
    body = {"error": {"message": message or standard, "type": kind, "param": parameter or None, "code": code}}
    return Response.of(body, status, {"x-request-id": "req_" + secrets.token_hex(16)})
