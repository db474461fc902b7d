"""The page of the KPIs."""

import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from local.console import numbers
from local.console.pages.rendering import Rendering
from local.console.state import MESSAGES, ConsoleState


class NumberPages:
    def __init__(self, state: ConsoleState, rendering: Rendering) -> None:
        self._state, self._rendering = state, rendering
        self._numbers = numbers.Numbers(state.plan.log("webhook").parent, state.plan.school_api)
        self._started = time.time()

    @property
    def routes(self) -> list[BaseRoute]:
        return [Route("/console/numbers", self.page), Route("/console/numbers/figures", self.figures)]

    def page(self, _: Request) -> Response:
        return self._rendering.page("numbers.html", "numbers", **self._figures())

    def figures(self, _: Request) -> Response:
        return self._rendering.part("figures.html", **self._figures())

    def _figures(self) -> dict[str, Any]:
        found = self._numbers
        found.refresh()
        window = numbers.rate_window(self._started)
        messages = self._state.runs.started_after(time.time() - window, MESSAGES)
        return {
            "tiles": found.tiles(),
            "intents": found.intents(),
            "steps": found.steps(),
            "outcomes": found.outcomes(),
            "plot": numbers.plot(list(found.points)),
            "cost": numbers.cost(messages, window),
        }
