"""Secrets by name, kept in memory and renewed behind the parent's back; an old value outlives a failing service."""

import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

from functions.adapters import aws, observe
from functions.domain.errors import ServiceError

LIFE = 300  # seconds: how soon a rotated secret is picked up
TOO_OLD = 3600  # seconds: a value of this age is not used before it was asked for again
FAILURES = (ServiceError, KeyError, ValueError)  # no answer, a refusal, no value in it, no JSON
PAUSE = 30  # seconds without asking after Secrets Manager failed: a hanging one costs each who asks it six

_kept: dict[str, tuple[float, str]] = {}  # name -> when it was had, and its value
_again: dict[str, float] = {}  # name -> when Secrets Manager is asked again, after it failed
_renewing: set[str] = set()
_lock = threading.Lock()


def secret(name: str) -> str:
    """The value of one secret. Raises AwsError when it cannot be had and never was.

    Waited for only when there is none, when it is too old, or when it was refused.
    """
    kept = _kept.get(name)
    if kept is None or _must_wait(name):
        return _fetch_now(name)
    if _age(kept) >= LIFE and not _is_paused(name):
        _renew_behind(name)
    return kept[1]


def fetch_together(*names: str) -> None:
    """Fetch the secrets that would be waited for side by side, so that a cold start waits for one, not for the sum.

    One that cannot be had is left to whoever needs it.
    """
    missing = [name for name in names if _must_wait(name)]
    if missing:
        with ThreadPoolExecutor(max_workers=len(missing)) as pool:
            wait([pool.submit(secret, name) for name in missing])


def forget(name: str) -> None:
    """Fetch this one anew next time: the service that it opens refused it. Until then it is better than nothing."""
    with _lock:
        if name in _kept:
            _kept[name] = (-math.inf, _kept[name][1])


def _must_wait(name: str) -> bool:
    kept = _kept.get(name)
    return kept is None or (_age(kept) >= TOO_OLD and not _is_paused(name))


def _is_paused(name: str) -> bool:
    return time.monotonic() < _again.get(name, -math.inf)


def _age(kept: tuple[float, str]) -> float:
    return time.monotonic() - kept[0]


def _fetch_now(name: str) -> str:
    """While somebody waits; the old value where there is one and no newer can be had."""
    started = time.monotonic()
    try:
        return _fetch(name)
    except FAILURES:
        if kept := _kept.get(name):
            return kept[1]
        raise
    finally:
        observe.took("SecretFetchTime", time.monotonic() - started)


def _renew_behind(name: str) -> None:
    """In a thread that nobody waits for, one at a time for each secret.

    Lambda may freeze the process meanwhile; a renewal that breaks off then has failed like any other.
    """
    with _lock:
        if name in _renewing:
            return
        _renewing.add(name)
    threading.Thread(target=_renew, args=(name,), name=f"renew {name}", daemon=True).start()


def _renew(name: str) -> None:
    """No metrics here: they belong to the invocation that waits for something."""
    try:
        _fetch(name)
    except FAILURES:
        pass  # the value stays, and whoever comes after the pause tries again
    finally:
        with _lock:
            _renewing.discard(name)


def _fetch(name: str) -> str:
    """From Secrets Manager. Where the secret was refused or renewed meanwhile, what comes back is not kept."""
    before = _kept.get(name)
    try:
        answer = aws.call_json(
            "secretsmanager", "SECRETS_MANAGER", "secretsmanager.GetSecretValue", "1.1", {"SecretId": name}
        )
        value = str(answer["SecretString"])
    except FAILURES:
        _again[name] = time.monotonic() + PAUSE
        raise
    with _lock:
        if _kept.get(name) is before:
            _kept[name] = (time.monotonic(), value)
        _again.pop(name, None)
    return value
