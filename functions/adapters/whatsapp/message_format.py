"""Replies as the Graph API wants them. Limits that Meta enforces are met here, before the call."""

from functions.domain.replies import (
    BUTTON_TITLE,
    INTERACTIVE_LIMIT,
    MOST_BUTTONS,
    MOST_ROWS,
    ROW_DESCRIPTION,
    ROW_TITLE,
    Buttons,
    Choice,
    Document,
    Menu,
    NumberRequest,
    Reaction,
    Reply,
    Template,
    Text,
    length,
    shorten,
    split,
    words_of,
)


def bodies(reply: Reply) -> list[dict[str, object]]:
    """The message bodies of one reply, in order; one, unless a text is longer than WhatsApp allows.

    A document's body is made by `document`, once its file has been uploaded.
    """
    if isinstance(reply, Buttons | Menu | NumberRequest) and not _fits(reply):
        reply = Text(words_of(reply))
    match reply:
        case Buttons():
            return [_interactive("button", reply.body, _buttons(reply.choices))]
        case Menu():
            rows = [
                {"id": choice.id, "title": shorten(choice.title, ROW_TITLE)}
                | ({"description": shorten(choice.description, ROW_DESCRIPTION)} if choice.description else {})
                for choice in reply.choices
            ]
            action: dict[str, object] = {"button": shorten(reply.button, BUTTON_TITLE), "sections": [{"rows": rows}]}
            return [_interactive("list", reply.body, action, reply.footer)]
        case Reaction():
            return [{"type": "reaction", "reaction": {"message_id": reply.message_id, "emoji": reply.emoji}}]
        case Template():
            return [_template(reply)]
        case NumberRequest():
            return [_interactive("request_contact_info", reply.body, {"name": "request_contact_info"})]
        case Text():
            return [_text(part) for part in split(reply.body)]
        case _:
            return [_text(part) for part in split(words_of(reply))]


def document(reply: Document, media_id: str) -> dict[str, object]:
    """The body of an uploaded document or picture; with buttons it is the header of an interactive message."""
    kind = "image" if reply.mime_type.startswith("image/") else "document"
    named: dict[str, object] = {"id": media_id}
    if kind == "document":
        named["filename"] = reply.filename
    if reply.choices:
        header: dict[str, object] = {"type": kind, kind: named}
        body = shorten(reply.caption, INTERACTIVE_LIMIT)
        return _interactive("button", body, _buttons(reply.choices), header=header)
    return {"type": kind, kind: named | {"caption": shorten(reply.caption, INTERACTIVE_LIMIT)}}


def _buttons(choices: tuple[Choice, ...]) -> dict[str, object]:
    return {
        "buttons": [
            {"type": "reply", "reply": {"id": choice.id, "title": shorten(choice.title, BUTTON_TITLE)}}
            for choice in choices
        ]
    }


def _template(reply: Template) -> dict[str, object]:
    content: dict[str, object] = {"name": reply.name, "language": {"code": reply.language}}
    if reply.parameters:
        parameters = [{"type": "text", "text": text} for text in reply.parameters]
        content["components"] = [{"type": "body", "parameters": parameters}]
    return {"type": "template", "template": content}


def _fits(reply: Buttons | Menu | NumberRequest) -> bool:
    if length(reply.body) > INTERACTIVE_LIMIT:
        return False
    if isinstance(reply, NumberRequest):
        return True
    most = MOST_BUTTONS if isinstance(reply, Buttons) else MOST_ROWS
    titles = [choice.title for choice in reply.choices]
    return 0 < len(titles) <= most and len(set(titles)) == len(titles)


def _text(body: str) -> dict[str, object]:
    return {"type": "text", "text": {"preview_url": False, "body": body}}


def _interactive(
    kind: str, body: str, action: dict[str, object], footer: str = "", header: dict[str, object] | None = None
) -> dict[str, object]:
    content: dict[str, object] = {"type": kind, "body": {"text": body}, "action": action}
    if header:
        content["header"] = header
    if footer:
        content["footer"] = {"text": footer}
    return {"type": "interactive", "interactive": content}
