"""Secrets by name, kept in memory and renewed in the background; an old value is used while Secrets Manager is down."""

import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

from functions.adapters import observability
from functions.adapters.aws import AwsClient
from functions.domain.errors import ServiceError

LIFE = 300  # seconds: how soon a rotated secret is picked up
TOO_OLD = 3600  # seconds: a value of this age is not used before it was asked for again
FAILURES = (ServiceError, KeyError, ValueError)  # no answer, a refusal, no value in it, no JSON
PAUSE = 30  # seconds without asking after Secrets Manager failed: a hanging call takes six


class SecretStore:
    """The secrets of one process."""

    def __init__(self, client: AwsClient) -> None:
        self._client = client
        self._values: dict[str, tuple[float, str]] = {}  # name -> monotonic time of the fetch, value
        self._retry_at: dict[str, float] = {}  # name -> monotonic time of the next try after a failure
        self._renewing: set[str] = set()
        self._lock = threading.Lock()

    def get(self, name: str) -> str:
        """The value of one secret. Raises AwsError when there is no value, not even an old one.

        The caller waits only when there is none, when it is too old, or when it was refused.
        """
        stored = self._values.get(name)
        if stored is None or self._must_fetch(name):
            return self._fetch_now(name)
        if _age(stored) >= LIFE and not self._is_paused(name):
            self._renew_in_background(name)
        return stored[1]

    def prefetch(self, *names: str) -> None:
        """Fetch the secrets that would be waited for side by side, so that a cold start waits for one, not the sum.

        A failure is left to the caller that needs the secret.
        """
        missing = [name for name in names if self._must_fetch(name)]
        if missing:
            with ThreadPoolExecutor(max_workers=len(missing)) as pool:
                wait([pool.submit(self.get, name) for name in missing])

    def expire(self, name: str) -> None:
        """Fetch this one anew next time: the service that it opens refused it. Until then the old value is used."""
        with self._lock:
            if name in self._values:
                self._values[name] = (-math.inf, self._values[name][1])

    def put(self, name: str, value: str) -> None:
        """Store a value as if it had just been fetched."""
        with self._lock:
            self._values[name] = (time.monotonic(), value)

    def _must_fetch(self, name: str) -> bool:
        stored = self._values.get(name)
        return stored is None or (_age(stored) >= TOO_OLD and not self._is_paused(name))

    def _is_paused(self, name: str) -> bool:
        return time.monotonic() < self._retry_at.get(name, -math.inf)

    def _fetch_now(self, name: str) -> str:
        """While the caller waits; the old value where there is one and no newer one can be fetched."""
        started = time.monotonic()
        try:
            return self._fetch(name)
        except FAILURES:
            if stored := self._values.get(name):
                return stored[1]
            raise
        finally:
            observability.record_duration("SecretFetchTime", time.monotonic() - started)

    def _renew_in_background(self, name: str) -> None:
        """One thread at a time for each secret. When Lambda freezes the process meanwhile, the renewal has failed."""
        with self._lock:
            if name in self._renewing:
                return
            self._renewing.add(name)
        threading.Thread(target=self._renew, args=(name,), name=f"renew {name}", daemon=True).start()

    def _renew(self, name: str) -> None:
        """Records no metrics: they would be counted to an invocation that did not wait."""
        try:
            self._fetch(name)
        except FAILURES:
            pass  # the value stays; the first call after the pause tries again
        finally:
            with self._lock:
                self._renewing.discard(name)

    def _fetch(self, name: str) -> str:
        """From Secrets Manager. A value that was expired or renewed meanwhile is not overwritten."""
        before = self._values.get(name)
        try:
            answer = self._client.call_json(
                "secretsmanager", "SECRETS_MANAGER", "secretsmanager.GetSecretValue", "1.1", {"SecretId": name}
            )
            value = str(answer["SecretString"])
        except FAILURES:
            self._retry_at[name] = time.monotonic() + PAUSE
            raise
        with self._lock:
            if self._values.get(name) is before:
                self._values[name] = (time.monotonic(), value)
            self._retry_at.pop(name, None)
        return value


def _age(stored: tuple[float, str]) -> float:
    return time.monotonic() - stored[0]
