"""Templates as HTML responses, with what all of them use."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from local.console.chats import Bubble, Chat
from local.console.formatting import to_html
from local.console.layout import label_lines
from local.console.state import ConsoleState
from local.send_message import choices

FOLDER: Final = Path(__file__).parents[1]


class Rendering:
    """The templates of the console, for one school."""

    def __init__(self, state: ConsoleState) -> None:
        self._state = state
        zone = state.school.timezone  # as in the texts for parents
        self._templates = Environment(
            loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._templates.filters |= {
            "whatsapp": to_html,
            "clock": lambda moment: f"{datetime.fromtimestamp(moment, zone):%H:%M}",
            "clock_seconds": lambda moment: f"{datetime.fromtimestamp(moment, zone):%H:%M:%S}",
            "ms": lambda seconds: f"{seconds * 1000:,.0f} ms",
            "seconds": lambda seconds: f"{seconds:.2f} s",
            "words": lambda name: name.replace("_", " "),
        }
        self._templates.globals |= {"choices": choices, "label_lines": label_lines, "school": state.school}

    def text(self, template: str, **values: Any) -> str:
        return self._templates.get_template(template).render(**values)

    def part(self, template: str, **values: Any) -> HTMLResponse:
        """A part of a page, which a script puts in its place."""
        return HTMLResponse(self.text(template, **values))

    def page(self, template: str, tab: str, **values: Any) -> HTMLResponse:
        """A whole page; it knows which event was the latest when it was made."""
        state = self._state
        latest = f"{state.boot}-{state.feed.latest}"
        return self.part(template, tab=tab, boot=state.boot, latest=latest, plan=state.plan, **values)

    def bubble(self, chat: Chat, bubble: Bubble) -> str:
        module = self._templates.get_template("bubble.html").module
        return str(module.bubble(chat, bubble))  # type: ignore[attr-defined]
