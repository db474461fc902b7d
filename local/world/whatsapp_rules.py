"""What WhatsApp refuses in a message, with Meta's own codes and words.

Lengths are counted in UTF-16 units, the strictest of the countings seen: what passes here passes at Meta.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from local.world.http_server import Response

WAMID: Final = re.compile(r"wamid\.[A-Za-z0-9+/=_-]{16,}")
USER_ID: Final = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")
PHONE: Final = re.compile(r"\+?[0-9]{7,15}")
MEDIA: Final = ("audio", "document", "image", "sticker", "video")
TYPES: Final = (*MEDIA, "contacts", "interactive", "location", "reaction", "template", "text")
TITLES: Final = {
    100: "Invalid parameter",
    190: "Error validating access token: Session has expired",
    130429: "Rate limit hit",
    131000: "Something went wrong",
    131005: "Access denied",
    131008: "Required parameter is missing",
    131009: "Parameter value is not valid",
    131016: "Service unavailable",
    131026: "Message undeliverable",
    131042: "Business eligibility payment issue",
    131047: "Re-engagement message",
    131048: "Spam rate limit hit",
    131049: "This message was not delivered to maintain healthy ecosystem engagement.",
    131053: "Media upload error",
    131056: "(Business Account, Consumer Account) pair rate limit hit",
    131057: "Account in maintenance mode",
    132000: "Number of parameters does not match the expected number of params",
    132001: "Template name does not exist in the translation",
}
STATUS_OF_CODE: Final = {
    0: 401, 2: 503, 3: 500, 10: 403, 190: 401, 200: 403, 368: 403, 130497: 403, 131000: 500, 131005: 403, 131016: 500,
    131031: 403, 131045: 500, 131057: 500, 132001: 404, 133000: 500, 133004: 503,
}  # fmt: skip


class GraphError(Exception):
    """A refusal in Meta's form."""

    def __init__(
        self, code: int, details: str | None = None, *, message: str | None = None, subcode: int | None = None,
        kind: str = "OAuthException",
    ) -> None:  # fmt: skip
        super().__init__(code, details)
        self.code = code
        self.status = STATUS_OF_CODE.get(code, 400)
        self.error: dict[str, Any] = {
            "message": message or f"(#{code}) {TITLES.get(code, 'Unknown error')}",
            "type": kind,
            "code": code,
        }
        if details:
            self.error["error_data"] = {"messaging_product": "whatsapp", "details": details}
        if subcode:
            self.error["error_subcode"] = subcode

    def response(self, trace: str, status: int | None = None) -> Response:
        return Response.of({"error": {**self.error, "fbtrace_id": trace}}, status or self.status)


def parameter(message: str) -> GraphError:
    return GraphError(100, message=f"(#100) {message}")


def invalid(details: str) -> GraphError:
    return GraphError(131009, details)


def missing(details: str) -> GraphError:
    return GraphError(131008, details)


class MessageRules:
    """Checks one message body; raises GraphError at the first thing that Meta refuses."""

    def __init__(self, has_media: Callable[[str, str], bool], templates: Mapping[str, Mapping[str, Any]]) -> None:
        self._has_media = has_media  # (media id, message type) -> uploaded, unexpired and of a fitting kind
        self._templates = templates

    def check(self, body: Any) -> None:
        if not isinstance(body, Mapping) or body.get("messaging_product") != "whatsapp":
            raise parameter("The parameter messaging_product is required.")
        if body.get("recipient_type", "individual") not in ("individual", "group"):
            raise parameter("Param recipient_type must be one of {INDIVIDUAL, GROUP}.")
        self._addressee(body)
        opaque = body.get("biz_opaque_callback_data")
        if opaque is not None and not (isinstance(opaque, str) and _length(opaque) <= 512):
            raise parameter("Param biz_opaque_callback_data must be at most 512 characters long.")
        kind = body.get("type", "text")
        if kind not in TYPES:
            raise parameter("Param type must be one of {" + ", ".join(TYPES).upper() + f'}} - got "{kind}".')
        if kind not in body:
            raise parameter(f"The parameter {kind} is required.")
        if "context" in body:
            self._context(body, kind)
        content = body[kind]
        if kind in MEDIA:
            self._media(kind, content)
        elif kind in ("contacts", "location"):
            if not content:
                raise missing(f"Parameter '{kind}' is mandatory for type '{kind}'")
        else:
            getattr(self, f"_{kind}")(content)

    # --- who -------------------------------------------------------------------------------------------------------

    def _addressee(self, body: Mapping[str, Any]) -> None:
        to, recipient = body.get("to"), body.get("recipient")
        if to is None and recipient is None:
            raise parameter("The parameter to is required.")
        if to is not None:
            if not isinstance(to, str) or not to.strip():
                raise parameter("Param to must be a phone number.")
            if not PHONE.fullmatch(re.sub(r"[\s()-]", "", to)) and not USER_ID.fullmatch(to):
                raise invalid("Recipient is not a valid phone number")
        elif not isinstance(recipient, str) or not USER_ID.fullmatch(recipient):
            raise invalid("Recipient is not a valid business-scoped user id")

    def _context(self, body: Mapping[str, Any], kind: str) -> None:
        context = _object(body["context"], "context", {"message_id"})
        if kind == "reaction":
            raise parameter("Param context is not supported for reaction messages.")
        if not isinstance(context.get("message_id"), str) or not WAMID.fullmatch(context["message_id"]):
            raise invalid("Invalid context message id")

    # --- each type -------------------------------------------------------------------------------------------------

    def _text(self, value: Any) -> None:
        text = _object(value, "text", {"body", "preview_url"})
        body = text.get("body")
        if not isinstance(body, str) or not body.strip():
            raise parameter("The parameter text['body'] is required.")
        if _length(body) > 4096:
            raise parameter("Param text['body'] must be at most 4096 characters long.")
        if not isinstance(text.get("preview_url", False), bool):
            raise parameter("Param text['preview_url'] must be a boolean.")

    def _reaction(self, value: Any) -> None:
        reaction = _object(value, "reaction", {"message_id", "emoji"})
        if not isinstance(reaction.get("message_id"), str) or not WAMID.fullmatch(reaction["message_id"]):
            raise invalid("Invalid message_id in reaction")
        emoji = reaction.get("emoji")
        if not isinstance(emoji, str) or len(emoji) > 12 or any(char.isalnum() for char in emoji):
            raise invalid("Reaction emoji is not valid")

    def _media(self, kind: str, value: Any) -> None:
        allowed = {"id", "link"} | ({"caption"} if kind in ("document", "image", "video") else set())
        media = _object(value, kind, allowed | ({"filename"} if kind == "document" else {"voice"}))
        if ("id" in media) == ("link" in media):
            raise parameter(f"Param {kind} must have one of id and link.")
        if "id" in media and not self._has_media(str(media["id"]), kind):
            raise parameter(f"Param {kind}['id'] is not a valid whatsapp business account media attachment ID")
        if "link" in media and not re.match(r"https?://", str(media["link"])):
            raise parameter(f"Param {kind}['link'] is not a valid URL.")
        if _length(str(media.get("caption", ""))) > 1024:
            raise parameter(f"Param {kind}['caption'] must be at most 1024 characters long.")
        if _length(str(media.get("filename", ""))) > 240:
            raise parameter("Param document['filename'] must be at most 240 characters long.")

    def _template(self, value: Any) -> None:
        template = _object(value, "template", {"name", "language", "components", "namespace"})
        language = _object(template.get("language"), "template['language']", {"code", "policy"}).get("code")
        known = self._templates.get(str(template.get("name")))
        if known is None or known["language"] != language:
            raise GraphError(132001, f"template name ({template.get('name')}) does not exist in {language}")
        given = [
            item
            for component in template.get("components", [])
            if component.get("type") == "body"
            for item in component.get("parameters", [])
        ]
        if len(given) != known["parameters"]:
            raise GraphError(
                132000,
                f"body: number of localizable_params ({len(given)}) does not match "
                f"the expected number of params ({known['parameters']})",
            )
        for item in given:
            text = item.get("text")
            if item.get("type") == "text" and (not text or re.search(r"[\n\t]| {5}", str(text))):
                raise GraphError(132012, "Param text cannot have new-line/tab characters or more than 4 spaces")

    def _interactive(self, value: Any) -> None:
        shape = _object(value, "interactive", {"type", "header", "body", "footer", "action"})
        kind = shape.get("type")
        checks = {
            "button": self._buttons,
            "list": self._list,
            "cta_url": self._link,
            "request_contact_info": self._request_contact_info,
        }
        if kind not in checks:
            raise parameter(f"Param interactive['type'] must be one of {{{', '.join(checks)}}} - got \"{kind}\".")
        if "body" not in shape:
            raise missing("Message body is required")
        _limited(_object(shape["body"], "interactive['body']", {"text"}).get("text"), "Body text", 1024)
        if "footer" in shape:
            _limited(_object(shape["footer"], "interactive['footer']", {"text"}).get("text"), "Footer text", 60)
        if "header" in shape:
            self._header(shape["header"], text_only=kind in ("list", "request_contact_info"))
        if not isinstance(shape.get("action"), Mapping):
            raise missing("Action is required")
        checks[kind](shape["action"])

    def _header(self, value: Any, *, text_only: bool) -> None:
        header = _object(value, "interactive['header']", {"type", "text", "image", "video", "document"})
        kind = header.get("type")
        if kind == "text":
            _limited(header.get("text"), "Header text", 60)
        elif text_only or kind not in ("image", "video", "document"):
            raise invalid("Header type is not supported")
        else:
            self._media(kind, header.get(kind))

    def _buttons(self, value: Mapping[str, Any]) -> None:
        buttons = _object(value, "interactive['action']", {"buttons"}).get("buttons")
        if not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
            raise invalid("Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3")
        replies = []
        for button in buttons:
            if _object(button, "interactive['action']['buttons']", {"type", "reply"}).get("type") != "reply":
                raise invalid("Button type is not valid")
            reply = _object(button.get("reply"), "reply", {"id", "title"})
            _limited(reply.get("title"), "Button title", 20)
            _limited(reply.get("id"), "Button id", 256)
            replies.append(reply)
        _unique([reply["title"] for reply in replies], "Duplicate button title")
        _unique([reply["id"] for reply in replies], "Duplicate button id")

    def _list(self, value: Mapping[str, Any]) -> None:
        action = _object(value, "interactive['action']", {"button", "sections"})
        _limited(action.get("button"), "Button label", 20)
        sections = action.get("sections")
        if not isinstance(sections, list) or not 1 <= len(sections) <= 10:
            raise invalid("Invalid sections count. Min allowed sections: 1, Max allowed sections: 10")
        ids = []
        for section in sections:
            _object(section, "interactive['action']['sections']", {"title", "rows"})
            if len(sections) > 1 or "title" in section:
                _limited(section.get("title"), "Section title", 24)
            if not isinstance(section.get("rows"), list) or not section["rows"]:
                raise missing("Section rows are required")
            for row in section["rows"]:
                _object(row, "rows", {"id", "title", "description"})
                _limited(row.get("id"), "Row id", 200)
                _limited(row.get("title"), "Row title", 24)
                if "description" in row:
                    _limited(row["description"], "Row description", 72)
                ids.append(row["id"])
        if len(ids) > 10:
            raise invalid("Total row count exceed max allowed count: 10")
        _unique(ids, "Duplicate row id")

    def _link(self, value: Mapping[str, Any]) -> None:
        action = _object(value, "interactive['action']", {"name", "parameters"})
        parameters = _object(action.get("parameters"), "parameters", {"display_text", "url"})
        if action.get("name") != "cta_url" or not re.match(r"https?://\S+$", str(parameters.get("url"))):
            raise invalid("URL is not valid")
        _limited(parameters.get("display_text"), "Display text", 20)

    def _request_contact_info(self, value: Mapping[str, Any]) -> None:
        if _object(value, "interactive['action']", {"name"}).get("name") != "request_contact_info":
            raise invalid("Action name is not valid")


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _object(value: Any, where: str, keys: set[str]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise parameter(f"Param {where} must be a JSON object.")
    for key in value:
        if key not in keys:
            raise parameter(f'Unexpected key "{key}" on param "{where}".')
    return value


def _limited(value: Any, what: str, most: int) -> None:
    if value is None:
        raise missing(f"{what} is required")
    if not isinstance(value, str) or not value.strip() or _length(value) > most:
        raise invalid(f"{what} length invalid. Min length: 1, Max length: {most}")


def _unique(values: list[str], problem: str) -> None:
    if len(set(values)) < len(values):
        raise invalid(problem)
