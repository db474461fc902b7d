"""A simulated world for one test, and clients that speak to it as the product does."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import requests

from local.plan import PHONE_NUMBER_ID, Plan, Ports
from local.world.server import World, running

TODAY = date(2026, 11, 23)
PARENT = "+263772100001"
INBOUND = "wamid.HQsxNjUwNTU1MDEyMxUCABIYFDNBMDAwMDAwMDAwMDAwMDAwMDAx"


class Client:
    """Calls the services with the right credentials, unless told otherwise."""

    def __init__(self, plan: Plan, world: World) -> None:
        self.plan = plan
        self.world = world
        self.session = requests.Session()

    def page(self, method: str, path: str, body: Any = None) -> requests.Response:
        return self.session.request(method, self.plan.world_url + path, json=body, timeout=10)

    def graph(self, body: Any, number: str = PHONE_NUMBER_ID, token: str | None = None) -> requests.Response:
        return self.session.post(
            f"{self.plan.whatsapp_api_url}/{number}/messages",
            json=body,
            headers={"Authorization": f"Bearer {token or self.plan.access_token}"},
            timeout=10,
        )

    def send(self, **content: Any) -> requests.Response:
        """A message to the parent; a text unless `type` says otherwise."""
        return self.graph(message(**content))

    def upload(self, content: bytes, mime_type: str = "application/pdf", **fields: str) -> requests.Response:
        return self.session.post(
            f"{self.plan.whatsapp_api_url}/{PHONE_NUMBER_ID}/media",
            data={"messaging_product": "whatsapp", **fields},
            files={"file": ("pass.pdf", content, mime_type)},
            headers={"Authorization": f"Bearer {self.plan.access_token}"},
            timeout=10,
        )

    def school(self, path: str, key: str | None = None, **query: Any) -> requests.Response:
        return self.session.get(
            f"{self.plan.school_api_url}/{path}",
            params=query,
            headers={"Authorization": f"Api-Key {key or self.plan.school_api_key}", "X-Request-ID": "r-1"},
            timeout=10,
        )


def message(**content: Any) -> dict[str, Any]:
    """The body of a message to the parent, a plain text by default."""
    body = {"messaging_product": "whatsapp", "to": PARENT, "type": "text", "text": {"body": "hello"}, **content}
    return {key: value for key, value in body.items() if value is not None}


@contextmanager
def world(folder: Path, **options: Any) -> Iterator[Client]:
    plan = Plan.create(folder, Ports.free(), **{"profile": "zero", "today": TODAY, **options})
    with running(plan) as running_world:
        client = Client(plan, running_world)
        with client.session:
            yield client
