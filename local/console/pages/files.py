"""Media of the chats, documents page by page, and what the guard sees after scanning one."""

from typing import Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from local.console import documents
from local.console.pages.rendering import Rendering
from local.http_client import send
from local.plan import Plan

SECONDS: Final = 30.0  # to wait for a file, or for the first page of a new process
SHOWN_HERE: Final = ("image/", "audio/", "video/", "application/pdf")  # other files are downloaded, never run


class FilePages:
    def __init__(self, plan: Plan, rendering: Rendering) -> None:
        self._plan, self._rendering = plan, rendering

    @property
    def routes(self) -> list[BaseRoute]:
        return [
            Route("/console/media/{name:int}", self.media),
            Route("/console/documents/{name:int}", self.document),
            Route("/console/documents/{name:int}/{page:int}.png", self.document_page),
            Route("/console/passes/{token}", self.pass_page),
        ]

    def _file(self, request: Request) -> tuple[bytes, str]:
        answer = send("GET", f"{self._plan.world_url}/media/{request.path_params['name']}", timeout=SECONDS)
        if answer.status != 200:
            raise HTTPException(404, "WhatsApp does not have this file any more.")
        return answer.data, answer.headers.get("Content-Type", "application/octet-stream")

    def media(self, request: Request) -> Response:
        content, media_type = self._file(request)
        is_shown = media_type.startswith(SHOWN_HERE) and not media_type.startswith("image/svg")
        headers = {} if is_shown else {"Content-Disposition": "attachment"}
        return Response(content, media_type=media_type, headers=headers)

    def document(self, request: Request) -> Response:
        """The viewer: every page as a picture, and the QR code to click."""
        content, media_type = self._file(request)
        name, is_pdf = request.path_params["name"], media_type == "application/pdf"
        code = documents.code(content) if is_pdf else None
        pages = min(documents.page_count(content), documents.PAGES_SHOWN) if is_pdf else 0
        passes = f"{self._plan.public_url}/passes/"
        link = code.text if code and code.text.startswith(passes) else None
        return self._rendering.part("document.html", name=name, pages=pages, code=code, link=link)

    def document_page(self, request: Request) -> Response:
        content, _ = self._file(request)
        try:
            picture = documents.picture(content, request.path_params["page"])
        except IndexError:
            raise HTTPException(404, "No such page.") from None
        return Response(picture, media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})

    def pass_page(self, request: Request) -> Response:
        """The page that the guard sees, for a frame of the console: by itself it lets no page frame it."""
        token = quote(request.path_params["token"], safe="")
        answer = send("GET", f"{self._plan.public_url}/passes/{token}", timeout=SECONDS)
        policy = answer.headers.get("Content-Security-Policy", "default-src 'none'")
        headers = {
            "Content-Security-Policy": policy.replace("frame-ancestors 'none'", "frame-ancestors 'self'"),
            "X-Frame-Options": "SAMEORIGIN",
        }
        return Response(answer.data, answer.status, headers, answer.headers.get("Content-Type", "text/html"))
