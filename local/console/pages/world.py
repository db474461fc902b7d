"""The page on which the world around the product is changed."""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from local.console import condition, controls
from local.console.pages.rendering import Rendering
from local.console.state import ConsoleState


class WorldPages:
    def __init__(self, state: ConsoleState, rendering: Rendering) -> None:
        self._state, self._rendering = state, rendering

    @property
    def routes(self) -> list[BaseRoute]:
        return [
            Route("/console/world", self.page),
            Route("/console/world/board", self.board),
            Route("/console/world/troubles", self.troubles),
            Route("/console/world/{action}", self.change, methods=["POST"]),
        ]

    def page(self, _: Request) -> Response:
        learners = {
            child["id"]: f"{child['name']}, {child['grade']} ({chat.person.name})"
            for chat in self._state.chats
            for child in chat.person.children
        }
        terms = self._state.school.calendar.terms
        days = {"first": terms[0].begins, "last": terms[-1].ends}
        return self._rendering.page(
            "world.html", "world", learners=learners, presets=controls.presets(), days=days, **self._board()
        )

    def board(self, _: Request) -> Response:
        return self._rendering.part("board.html", **self._board())

    def _board(self) -> dict[str, Any]:
        found = condition.condition(self._state.running)
        return {
            "now": found,
            "switches": condition.switches(),
            "delays": controls.DELAYS,
            "servers": condition.SERVERS,
            "troubles": condition.troubles(found),
        }

    def troubles(self, _: Request) -> Response:
        return JSONResponse({"troubles": condition.troubles(condition.condition(self._state.running))})

    async def change(self, request: Request) -> Response:
        """One of controls.ACTIONS with its fields; what it did, in words."""
        async with request.form() as form:
            fields = {name: str(value) for name, value in form.items()}
        action = controls.ACTIONS.get(request.path_params["action"])
        if action is None:
            raise HTTPException(404, "No such action.")
        message = await run_in_threadpool(action, self._state.running, fields)
        self._state.feed.publish("world", {})
        return JSONResponse({"message": message})
