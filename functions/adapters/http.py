"""One pooled keep-alive HTTP session per process; nothing is sent without a timeout."""

from functools import cache

import requests
from requests.adapters import HTTPAdapter

POOL = 32


@cache
def session() -> requests.Session:
    """The process's session. Connections are kept across invocations; retries are each caller's own business."""
    made = requests.Session()
    made.trust_env = False  # no proxy look-up and no .netrc on every call
    made.mount("https://", HTTPAdapter(pool_connections=8, pool_maxsize=POOL))
    made.mount("http://", HTTPAdapter(pool_connections=8, pool_maxsize=POOL))
    return made
