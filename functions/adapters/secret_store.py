"""Secrets by name, kept in memory for some minutes; an old value outlives a failing Secrets Manager."""

import math
import time
from concurrent.futures import ThreadPoolExecutor, wait

from functions.adapters import aws, observe
from functions.domain.errors import ServiceError

LIFE = 300  # seconds: how soon a rotated secret is picked up
_kept: dict[str, tuple[float, str]] = {}


def secret(name: str) -> str:
    """The value of one secret. Raises AwsError when it cannot be had and never was."""
    kept = _kept.get(name)
    if kept and _is_fresh(name):
        return kept[1]
    started = time.monotonic()
    try:
        answer = aws.call_json(
            "secretsmanager", "SECRETS_MANAGER", "secretsmanager.GetSecretValue", "1.1", {"SecretId": name}
        )
        value = str(answer["SecretString"])
    except (ServiceError, KeyError):
        if kept:
            return kept[1]
        raise
    observe.took("SecretFetchTime", time.monotonic() - started)
    _kept[name] = (time.monotonic(), value)
    return value


def fetch_together(*names: str) -> None:
    """Fetch several secrets side by side, so that a cold start waits for one, not for the sum.

    One that cannot be had is left to whoever needs it.
    """
    missing = [name for name in names if not _is_fresh(name)]
    if missing:
        with ThreadPoolExecutor(max_workers=len(missing)) as pool:
            wait([pool.submit(secret, name) for name in missing])


def forget(name: str) -> None:
    """Fetch this one anew next time: the service that it opens refused it. Until then it is better than nothing."""
    if name in _kept:
        _kept[name] = (-math.inf, _kept[name][1])


def _is_fresh(name: str) -> bool:
    kept = _kept.get(name)
    return kept is not None and time.monotonic() - kept[0] < LIFE
