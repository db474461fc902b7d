"""State machines, the list of runs, and one run: its states and its waterfall."""

import time
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from infra.catalog import MACHINES
from local.console.layout import layout
from local.console.pages.rendering import Rendering
from local.console.run_view import edges_taken, state_view, states_seen
from local.console.state import ConsoleState
from local.console.waterfall import waterfall

FILTERS: Final = ("machine", "intent", "status")


class RunPages:
    def __init__(self, state: ConsoleState, rendering: Rendering) -> None:
        self._state, self._rendering = state, rendering

    @property
    def routes(self) -> list[BaseRoute]:
        return [
            Route("/console/machines/{machine}", self.machine),
            Route("/console/runs", self.run_list),
            Route("/console/runs/rows", self.rows),
            Route("/console/runs/{name}/view", self.view),
            Route("/console/runs/{name}/states/{state:path}", self.state),
        ]

    def machine(self, request: Request) -> Response:
        """The picture of a state machine."""
        name = request.path_params["machine"]
        if name not in {machine.name for machine in MACHINES}:
            raise HTTPException(404, "No such state machine.")
        return self._rendering.part("machine.html", layout=layout(name))

    def run_list(self, request: Request) -> Response:
        filters = {column: self._state.runs.values(column) for column in FILTERS}
        return self._rendering.page(
            "runs.html", "runs", rows=self._found(request), filters=filters, given=request.query_params
        )

    def rows(self, request: Request) -> Response:
        return self._rendering.part("run_rows.html", rows=self._found(request))

    def _found(self, request: Request) -> list[dict[str, Any]]:
        query = request.query_params
        return self._state.runs.search(query.get("q", ""), **{column: query.get(column, "") for column in FILTERS})

    def view(self, request: Request) -> Response:
        """One run: what to light up in the picture, and where the time went."""
        details = self._details(request)
        row = self._state.runs.put(details)
        html = self._rendering.text("waterfall.html", view=waterfall(self._state, details, time.time()), row=row)
        found = {"run": row, "states": states_seen(details), "edges": edges_taken(details), "waterfall": html}
        return JSONResponse(found)

    def state(self, request: Request) -> Response:
        name = request.path_params["state"]
        found = state_view(self._state.plan, self._details(request), name)
        if found is None:
            raise HTTPException(404, "No such state.")
        return self._rendering.part("state.html", view=found)

    def _details(self, request: Request) -> dict[str, Any]:
        found: dict[str, Any] = self._state.running.aws("GET", f"/executions/{request.path_params['name']}")
        return found
