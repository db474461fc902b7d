"""Files that people sent: fetched from WhatsApp into memory, checked, and kept nowhere."""

import base64
import hashlib
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from functions.adapters import observability
from functions.adapters.secret_store import SecretStore
from functions.adapters.whatsapp.client import error_of
from functions.adapters.whatsapp.error_codes import TOKEN
from functions.domain.errors import MediaTooLarge, OperatorNeeded, WhatsAppRefused, WhatsAppUnavailable

TIMEOUT: Final = (1.5, 3.0)  # connect, read; seconds
BUDGET: Final = 8.0  # seconds for all of a file
TRIES: Final = 2
CHUNK: Final = 64 * 1024


@dataclass(frozen=True)
class WhatsAppMedia:
    """Reads media by the ids that messages carry."""

    session: requests.Session
    secrets: SecretStore
    api_url: str
    token_name: str

    def fetch(self, media_id: str, mime_types: Collection[str], most_bytes: int) -> bytes:
        """The bytes of a file of one of these types.

        Raises MediaTooLarge; WhatsAppRefused for a file of another type, or one that is not there; and the other
        WhatsAppErrors. A call is tried a second time where the first got no answer.
        """
        deadline = time.monotonic() + BUDGET
        about = self._about(media_id, deadline)
        mime_type = str(about.get("mime_type") or "").split(";")[0].strip().lower()
        if mime_type not in mime_types:
            raise WhatsAppRefused(f"a file of type {mime_type or 'unknown'}")
        if _number(about.get("file_size")) > most_bytes:
            raise MediaTooLarge(f"more than {most_bytes} bytes")
        content = self._download(str(about.get("url") or ""), most_bytes, deadline)
        digest = hashlib.sha256(content)
        if about.get("sha256") not in (None, "", digest.hexdigest(), base64.b64encode(digest.digest()).decode()):
            raise WhatsAppUnavailable("the file is not the one that was announced")
        return content

    def _about(self, media_id: str, deadline: float) -> Mapping[str, Any]:
        if not media_id.isascii() or not media_id.isalnum():
            raise WhatsAppRefused("no media id")
        with self._get(f"{self.api_url}/{media_id}", deadline) as answer:
            try:
                found = answer.json()
            except (ValueError, RecursionError, requests.RequestException):
                found = None
        if not isinstance(found, Mapping):
            raise WhatsAppUnavailable("not an answer about media")
        return found

    def _download(self, url: str, most_bytes: int, deadline: float) -> bytes:
        """The file, read no further than the limit."""
        if urlsplit(url).scheme != urlsplit(self.api_url).scheme:  # the token goes along with it
            raise WhatsAppUnavailable("an address without TLS")
        content = b""
        with self._get(url, deadline) as answer:
            try:
                for chunk in answer.iter_content(CHUNK):
                    content += chunk
                    if len(content) > most_bytes:
                        raise MediaTooLarge(f"more than {most_bytes} bytes")
                    if time.monotonic() > deadline:
                        raise WhatsAppUnavailable("not read in time")
            except requests.RequestException:
                raise WhatsAppUnavailable("cut off") from None
        return content

    def _get(self, url: str, deadline: float) -> requests.Response:
        """An answer with a body that is yet to be read."""
        for attempt in range(1, TRIES + 1):
            left = deadline - time.monotonic()
            headers = {"Authorization": f"Bearer {self.secrets.get(self.token_name)}"}
            try:
                answer = self.session.get(
                    url, headers=headers, timeout=(TIMEOUT[0], min(TIMEOUT[1], left)), stream=True
                )
            except requests.RequestException:
                if attempt == TRIES or deadline - time.monotonic() < 1:
                    raise WhatsAppUnavailable("no answer in time") from None
                continue
            if answer.ok:
                return answer
            error = _error(answer)
            answer.close()
            if isinstance(error, OperatorNeeded) and error.code in TOKEN:
                self.secrets.expire(self.token_name)  # it may have been rotated
            elif not isinstance(error, WhatsAppUnavailable):
                raise error
            if attempt == TRIES:
                observability.logger().warning("media not read", code=error.code)
                raise error
        raise WhatsAppUnavailable("not tried")


def _error(answer: requests.Response) -> Exception:
    try:
        body = answer.json()
    except (ValueError, RecursionError, requests.RequestException):
        body = None
    return error_of(body, answer.status_code)


def _number(value: object) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
