"""Secrets Manager, S3 and SQS are as slow as the world's profile says, and fail as its faults say."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from local.world.client import WorldClient

SILENCE_SECONDS: Final = 600
DELAYS: Final = {("secrets", "get"): "secrets_seconds", ("s3", "put"): "s3_put_seconds"}  # settings of the profile

Environ = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """A call of a service that the world can slow down or make fail."""

    service: str
    operation: str

    @classmethod
    def of(cls, environ: Environ) -> "Call | None":
        """From a WSGI request; None for every other service."""
        match environ.get("HTTP_X_AMZ_TARGET"):
            case "secretsmanager.GetSecretValue":
                return cls("secrets", "get")
            case "AmazonSQS.SendMessageBatch":
                return cls("sqs", "send")
        signature = environ.get("HTTP_AUTHORIZATION", "") + environ["QUERY_STRING"]
        if "/s3/aws4_request" in signature.replace("%2F", "/") and environ["REQUEST_METHOD"] in {"GET", "PUT"}:
            return cls("s3", environ["REQUEST_METHOD"].lower())
        return None


@dataclass(frozen=True)
class Met:
    """What becomes of a call."""

    status: int  # that its caller gets
    is_done: bool  # whether the service does what was asked


class Faults:
    """Applies the delays and faults of the world to one call at a time, and records it there."""

    def __init__(self, world: WorldClient) -> None:
        self._world = world

    def meet(self, call: Call) -> Met:
        """Wait as long as the call should take; then what is to become of it."""
        if call.service == "sqs" and not self._world.is_faulty("sqs"):  # in every message's way: as fast as can be
            return Met(200, is_done=True)
        start, status = time.time(), 200
        try:
            time.sleep(self._world.seconds(DELAYS.get((call.service, call.operation), "")))
            fault = self._world.take_fault(call.service, call.operation) or {}
            if fault.get("kind") == "slow":
                time.sleep(fault["seconds"])
            elif fault:
                time.sleep(SILENCE_SECONDS if fault["kind"] == "silent" else 0)
                status = fault.get("status") or 500
            return Met(status, is_done=status == 200 or fault["kind"] == "lost")
        finally:
            self._world.record(call.service, call.operation, start, status)
