"""Webhooks as Meta sends them: escaped JSON, signed, repeated until the answer is 200."""

import asyncio
import hashlib
import hmac
import json
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import phonenumbers

from local.http_client import request
from local.plan import DISPLAY_PHONE_NUMBER, PHONE_NUMBER_ID, WABA_ID

PAUSES: Final = (0, 1, 4, 15, 60)  # seconds before each further attempt; Meta goes on for seven days
AT_ONCE: Final = 16  # requests in parallel
ANSWER_SECONDS: Final = 20.0


def encode(body: object) -> bytes:
    """As Meta does: non-ASCII characters as lower-case \\u escapes, slashes escaped."""
    return json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode()


def signature(raw: bytes, app_secret: str) -> str:
    """The value of X-Hub-Signature-256."""
    return "sha256=" + hmac.new(app_secret.encode(), raw, hashlib.sha256).hexdigest()


def wrap(field: str = "messages", **value: Any) -> dict[str, Any]:
    """The envelope around messages, statuses, or what another field holds."""
    metadata = {"display_phone_number": DISPLAY_PHONE_NUMBER, "phone_number_id": PHONE_NUMBER_ID}
    change = {"value": {"messaging_product": "whatsapp", "metadata": metadata, **value}, "field": field}
    return {"object": "whatsapp_business_account", "entry": [{"id": WABA_ID, "changes": [change]}]}


def user_id_of(phone: str) -> str:
    """The business-scoped user id of a phone number; the same number always has the same one."""
    digits = phone.lstrip("+")
    codes = (int(digits[:length]) for length in (1, 2, 3) if digits[:length].isdecimal())
    countries = (phonenumbers.region_code_for_country_code(code) for code in codes)
    country = next((found for found in countries if found != "ZZ"), "ZZ")  # ZZ: of no country
    return f"{country}." + str(int(hashlib.sha256(digits.encode()).hexdigest(), 16))[:20]


class Webhooks:
    """Sends webhook bodies in the background."""

    def __init__(self, url: str, app_secret: str) -> None:
        self._url = url
        self._app_secret = app_secret
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhooks")

    def later(self, seconds: float, body: dict[str, Any]) -> None:
        task = asyncio.get_running_loop().create_task(self._send(seconds, body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _send(self, seconds: float, body: dict[str, Any]) -> None:
        await asyncio.sleep(seconds)
        for change in (change for entry in body["entry"] for change in entry["changes"]):
            for status in change["value"].get("statuses", ()):
                status["timestamp"] = str(int(time.time()))
        raw = encode(body)
        for pause in (*PAUSES, 0):
            if await self._post(raw) == 200:
                return
            await asyncio.sleep(pause)

    async def _post(self, raw: bytes) -> int:
        """The status of the answer; 0 if there is none."""
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            "X-Hub-Signature-256": signature(raw, self._app_secret),
        }
        post = partial(request, "POST", self._url, raw, headers, ANSWER_SECONDS)
        try:
            status, _ = await asyncio.get_running_loop().run_in_executor(self._threads, post)
        except OSError:
            return 0
        return status
