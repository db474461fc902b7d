"""The console as a web application."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from local.console import sources
from local.console.pages.conversation import ConversationPages
from local.console.pages.events import EventPages
from local.console.pages.files import FilePages
from local.console.pages.numbers import NumberPages
from local.console.pages.rendering import FOLDER, Rendering
from local.console.pages.runs import RunPages
from local.console.pages.world import WorldPages
from local.console.security import LocalOnly
from local.console.state import ConsoleState
from local.stack_client import NotRunning, Refused

LARGEST_REQUEST: Final = 16 * 1024 * 1024  # bytes; a file that a parent sends


def create_app(state: ConsoleState, follow: Callable[[ConsoleState], None] = sources.start) -> Starlette:
    """The console of a running stack; `follow` is called once and tells the state what happens."""
    rendering = Rendering(state)
    state.render = rendering.bubble

    def ready(_: Request) -> Response:
        return JSONResponse({"ready": state.has_people}, 200 if state.has_people else 503)

    def theme(_: Request) -> Response:
        """The school's colours."""
        css = f":root {{ --school: {state.school.colour}; --accent: {state.school.accent}; }}"
        return Response(css, media_type="text/css")

    @contextlib.asynccontextmanager
    async def following(_: Starlette) -> AsyncIterator[None]:
        follow(state)
        yield

    routes: list[BaseRoute] = [
        Route("/console/ready", ready),
        Route("/console/theme.css", theme),
        *RunPages(state, rendering).routes,  # before the conversation: /console/runs/rows is not a run's name
        *ConversationPages(state, rendering).routes,
        *FilePages(state.plan, rendering).routes,
        *NumberPages(state, rendering).routes,
        *WorldPages(state, rendering).routes,
        *EventPages(state).routes,
        Mount("/console/static", StaticFiles(directory=FOLDER / "static")),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(LocalOnly)],
        exception_handlers={Refused: _refused, NotRunning: _not_running, OSError: _not_running},
        lifespan=following,
        max_body_size=LARGEST_REQUEST,
    )


def _refused(_: Request, error: Exception) -> Response:
    return JSONResponse({"message": str(error)}, 400)


def _not_running(_: Request, error: Exception) -> Response:
    """A part of the stack does not answer, or not in time."""
    return JSONResponse({"message": str(error)}, 503)
