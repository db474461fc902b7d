"""Webhooks as Meta sends them: escaped JSON, signed on its raw bytes, sent again until the answer is 200."""

import asyncio
import hashlib
import hmac
import json
import time
from typing import Any, Final
from urllib.parse import urlsplit

import phonenumbers

from local.plan import DISPLAY_PHONE_NUMBER, PHONE_NUMBER_ID, WABA_ID

PAUSES: Final = (0, 1, 4, 15, 60)  # seconds before each further try; Meta goes on for seven days
AT_ONCE: Final = 16  # webhooks on their way at the same time


def encode(body: object) -> bytes:
    """Meta's bytes: everything beyond ASCII as lower-case \\u escapes, slashes escaped."""
    return json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode()


def signature(raw: bytes, app_secret: str) -> str:
    """The value of X-Hub-Signature-256."""
    return "sha256=" + hmac.new(app_secret.encode(), raw, hashlib.sha256).hexdigest()


def wrap(**value: Any) -> dict[str, Any]:
    """The envelope around messages or statuses."""
    metadata = {"display_phone_number": DISPLAY_PHONE_NUMBER, "phone_number_id": PHONE_NUMBER_ID}
    change = {"value": {"messaging_product": "whatsapp", "metadata": metadata, **value}, "field": "messages"}
    return {"object": "whatsapp_business_account", "entry": [{"id": WABA_ID, "changes": [change]}]}


def user_id_of(phone: str) -> str:
    """The business-scoped user id that "Meta" gives to a phone number: always the same one."""
    digits = phone.lstrip("+")
    codes = (int(digits[:length]) for length in (1, 2, 3) if digits[:length].isdecimal())
    countries = (phonenumbers.region_code_for_country_code(code) for code in codes)
    country = next((found for found in countries if found != "ZZ"), "ZZ")  # ZZ: of no country
    return f"{country}." + str(int(hashlib.sha256(digits.encode()).hexdigest(), 16))[:20]


class Webhooks:
    """Sends them, in the background."""

    def __init__(self, url: str, app_secret: str) -> None:
        self._url = url
        self._app_secret = app_secret
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(AT_ONCE)

    def later(self, seconds: float, body: dict[str, Any]) -> None:
        task = asyncio.get_running_loop().create_task(self._send(seconds, body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _send(self, seconds: float, body: dict[str, Any]) -> None:
        await asyncio.sleep(seconds)
        for change in (change for entry in body["entry"] for change in entry["changes"]):
            for status in change["value"].get("statuses", ()):
                status["timestamp"] = str(int(time.time()))
        raw = encode(body)
        for pause in (*PAUSES, 0):
            async with self._slots:
                try:
                    status = await asyncio.wait_for(self._post(raw), 20)
                except (OSError, TimeoutError, ValueError):
                    status = 0
            if status == 200:
                return
            await asyncio.sleep(pause)

    async def _post(self, raw: bytes) -> int:
        url = urlsplit(self._url)
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        try:
            head = (
                f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nUser-Agent: facebookexternalua\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\nConnection: close\r\n"
                f"X-Hub-Signature-256: {signature(raw, self._app_secret)}\r\n\r\n"
            )
            writer.write(head.encode() + raw)
            await writer.drain()
            return int((await reader.readline()).split(b" ")[1])
        except IndexError:
            return 0
        finally:
            writer.close()
