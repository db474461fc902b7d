"""For the other processes of the stack: the delays and faults of the simulated world, and its list of calls."""

import queue
import threading
import time
from typing import Any, Final

from local.http_client import send

CACHE_SECONDS: Final = 1.0
TIMEOUT: Final = 1.0  # seconds


class WorldClient:
    """Safe to share between threads. While the world does not answer there are no delays and no faults."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._profile: dict[str, Any] = {}
        self._fresh_until = 0.0
        self._faulty: set[str] = set()
        self._faulty_until = 0.0
        self._lock = threading.Lock()
        self._calls: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._report_calls, name="calls to the world", daemon=True).start()

    def seconds(self, setting: str) -> float:
        """A delay of the current profile, at most a second old."""
        with self._lock:
            if time.monotonic() > self._fresh_until:
                self._profile = self._page("GET", "/profile") or {}
                self._fresh_until = time.monotonic() + CACHE_SECONDS
            return float(self._profile.get(setting, 0))

    def is_faulty(self, service: str) -> bool:
        """Whether a fault of the service is in force; a second old at most, for what is called too often to ask."""
        with self._lock:
            if time.monotonic() > self._faulty_until:
                self._faulty = set(self._page("GET", "/faults") or ())
                self._faulty_until = time.monotonic() + CACHE_SECONDS
            return service in self._faulty

    def take_fault(self, service: str, operation: str) -> dict[str, Any] | None:
        """The fault that applies to this call, if any; taking it counts it down."""
        return self._page("POST", f"/faults/{service}/take", {"operation": operation}) or None

    def record(self, service: str, operation: str, start: float, status: int = 200) -> None:
        """Add a call that began at `start` (Unix seconds) and ends now to the world's list; never waits."""
        end = time.time()
        self._calls.put({"service": service, "operation": operation, "start": start, "end": end, "status": status})

    def _report_calls(self) -> None:
        while True:
            self._page("POST", "/calls", self._calls.get())

    def _page(self, method: str, path: str, value: Any = None) -> Any:
        try:
            response = send(method, self._url + path, json=value, timeout=TIMEOUT)
            return response.json() if response.status == 200 else None
        except (OSError, ValueError):
            return None
