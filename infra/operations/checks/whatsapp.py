"""Whether WhatsApp accepts the token, sends its webhooks to the app, and has approved the templates."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import requests
from botocore.exceptions import ClientError

from functions.adapters.school_config import load
from infra.operations.environment import Environment
from infra.operations.findings import Finding
from infra.paths import ROOT

TIMEOUT: Final = (3, 10)  # seconds to connect and to wait for an answer
SENDS: Final = "whatsapp_business_messaging"
MANAGES: Final = "whatsapp_business_management"
NEW_TOKEN: Final = "put a new whatsapp-access-token: docs/operations.md, Rotating secrets"
MONTH: Final = 30 * 86400


class Refused(Exception):
    """WhatsApp refused or did not answer; the text has its error code."""


@dataclass(frozen=True)
class GraphApi:
    """Reads of the Graph API with the environment's own token."""

    url: str  # with the version
    token: str

    def get(self, path: str, **query: str) -> dict[str, Any]:
        try:
            headers = {"Authorization": f"Bearer {self.token}"}
            answer = requests.get(f"{self.url}/{path}", params=query, headers=headers, timeout=TIMEOUT)
            found = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise Refused(type(error).__name__) from None
        if answer.status_code != 200:
            raise Refused(f"error {found.get('error', {}).get('code', answer.status_code)}")
        return dict(found)


def check_whatsapp(environment: Environment) -> Iterator[Finding]:
    settings = environment.function_settings("webhook")
    try:
        secret = environment.client("secretsmanager").get_secret_value(SecretId=settings["ACCESS_TOKEN_NAME"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return  # without a value: check_secrets says so
    graph = GraphApi(settings["WHATSAPP_API_URL"], secret["SecretString"])
    try:
        token = graph.get("debug_token", input_token=graph.token)["data"]
    except Refused as error:
        yield Finding("WhatsApp token", f"refused: {error}", NEW_TOKEN)
        return
    yield _token(token)
    yield _number(graph, settings["WHATSAPP_PHONE_NUMBER_ID"])
    account = _account_of(token)
    if account is None:
        text = "the token does not name a WhatsApp account: subscription and templates are not checked"
        yield Finding("WhatsApp account", text, "give the system user the account: docs/operations.md, WhatsApp")
        return
    yield _subscription(graph, account)
    yield from _templates(graph, account)


def _token(token: Mapping[str, Any]) -> Finding:
    missing = {SENDS, MANAGES} - set(token.get("scopes", ()))
    expires = token.get("expires_at", 0)
    if not token.get("is_valid"):
        return Finding("WhatsApp token", "is not valid", NEW_TOKEN)
    if missing:
        return Finding("WhatsApp token", f"lacks {', '.join(sorted(missing))}", NEW_TOKEN)
    if expires and expires < time.time() + MONTH:
        return Finding("WhatsApp token", f"ends on {time.strftime('%Y-%m-%d', time.gmtime(expires))}", NEW_TOKEN)
    return Finding("WhatsApp token", "is valid")


def _number(graph: GraphApi, number: str) -> Finding:
    try:
        found = graph.get(number, fields="quality_rating,status")
    except Refused as error:
        return Finding("WhatsApp number", f"{number}: {error}", "set whatsapp_phone_number_id in cdk.json")
    quality = found.get("quality_rating", "UNKNOWN")
    todo = "see WhatsApp Manager, Insights: parents block or report the number" if quality == "RED" else ""
    return Finding("WhatsApp number", f"quality {quality}, status {found.get('status', 'UNKNOWN')}", todo)


def _account_of(token: Mapping[str, Any]) -> str | None:
    """The id of the WhatsApp account that the token may manage."""
    for scope in token.get("granular_scopes", ()):
        if scope.get("scope") == MANAGES and scope.get("target_ids"):
            return str(scope["target_ids"][0])
    return None


def _subscription(graph: GraphApi, account: str) -> Finding:
    try:
        apps = graph.get(f"{account}/subscribed_apps").get("data", [])
    except Refused as error:
        return Finding("WhatsApp subscription", str(error), NEW_TOKEN)
    origin = urlunsplit((*urlsplit(graph.url)[:2], "", "", ""))
    todo = "" if apps else f"POST {origin}/<version>/{account}/subscribed_apps with the token as bearer"
    return Finding("WhatsApp subscription", f"{len(apps)} apps get the webhooks", todo)


def _templates(graph: GraphApi, account: str) -> Iterator[Finding]:
    templates = load(ROOT / "config").templates
    names = {kind: name for kind in ("receipt", "reopen", "office") if (name := getattr(templates, kind))}
    if not names:
        yield Finding("WhatsApp templates", "none is set in config/school.toml")
        return
    try:
        found = graph.get(f"{account}/message_templates", fields="name,language,status", limit="200").get("data", [])
    except Refused as error:
        yield Finding("WhatsApp templates", str(error), NEW_TOKEN)
        return
    status = {(item["name"], item["language"]): item["status"] for item in found}
    for kind, name in names.items():
        known = status.get((name, templates.language), "does not exist")
        todo = "" if known == "APPROVED" else "see WhatsApp Manager, Message templates"
        yield Finding(f"WhatsApp template {kind}", f"{name} ({templates.language}): {known}", todo)
