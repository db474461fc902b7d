"""What the other processes of the stack ask the simulated world: how slow to be, and what should go wrong."""

import json
import queue
import threading
import time
from typing import Any, Final

import urllib3

CACHE_SECONDS: Final = 1.0


class WorldClient:
    """Safe to share between threads. Without a world there are no delays and no faults."""

    def __init__(self, url: str) -> None:
        self._pool = urllib3.connection_from_url(url, maxsize=8, timeout=urllib3.Timeout(1), retries=False)
        self._profile: dict[str, Any] = {}
        self._fresh_until = 0.0
        self._lock = threading.Lock()
        self._calls: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._report_calls, name="calls to the world", daemon=True).start()

    def seconds(self, setting: str) -> float:
        """A delay of the current profile, at most a second old."""
        with self._lock:
            if time.monotonic() > self._fresh_until:
                self._profile = self._ask("GET", "/profile") or {}
                self._fresh_until = time.monotonic() + CACHE_SECONDS
            return float(self._profile.get(setting, 0))

    def take_fault(self, service: str, operation: str) -> dict[str, Any] | None:
        """The fault that this call meets, counted down there; None: all is well."""
        return self._ask("POST", f"/faults/{service}/take", {"operation": operation}) or None

    def record(self, service: str, operation: str, start: float, status: int = 200) -> None:
        """Tell the world's list of calls about one that began at `start` (Unix seconds) and ends now; never waits."""
        end = time.time()
        self._calls.put({"service": service, "operation": operation, "start": start, "end": end, "status": status})

    def _report_calls(self) -> None:
        while True:
            self._ask("POST", "/calls", self._calls.get())

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        try:
            response = self._pool.request(method, path, body=json.dumps(body) if body is not None else None)
            return json.loads(response.data) if response.status == 200 else None
        except (urllib3.exceptions.HTTPError, ValueError):
            return None
