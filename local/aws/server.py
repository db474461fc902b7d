"""The HTTP server before the WSGI application: keep-alive connections, which Werkzeug's own does not offer."""

import contextlib
import io
import logging
from typing import TYPE_CHECKING, Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = logging.getLogger(__name__)


def make(app: "WSGIApplication", port: int) -> BaseWSGIServer:
    """The server, listening but not yet serving."""
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=KeepAliveHandler)
    server.daemon_threads = True  # type: ignore[attr-defined]
    return server


class KeepAliveHandler(MotoRequestHandler):
    """Connections stay open, as AWS's do, and responses leave at once: Nagle's algorithm would add 40 ms to a call."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 0  # buffered, the "100 Continue" that boto3 awaits before an upload would be held back for a second

    def run_wsgi(self) -> None:
        """One request. Werkzeug's own closes every connection, since it cannot know whether the body was read."""
        if "Transfer-Encoding" in self.headers:
            return super().run_wsgi()
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environ = {**self.make_environ(), "wsgi.input": io.BytesIO(body)}
        try:
            response = Response.from_app(self.server.app, environ, buffered=False)
        except Exception:
            log.exception("%s", self.command)
            response = Response(status=500)
        if response.is_streamed and response.mimetype == "text/event-stream":
            return self._send_stream(response)
        content = response.get_data()
        self.send_response(response.status_code)
        for name, value in response.headers.items():
            if name.lower() not in ("content-length", "connection"):
                self.send_header(name, value)
        length = response.headers.get("Content-Length") if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(length or 0))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        return None

    def _send_stream(self, response: Response) -> None:
        """Parts as they come, until the client leaves."""
        self.close_connection = True
        self.send_response(response.status_code)
        self.send_header("Content-Type", str(response.content_type))
        self.end_headers()
        with contextlib.suppress(OSError):
            for part in response.response:
                self.wfile.write(part)  # type: ignore[arg-type]

    def log_request(self, *_: Any) -> None:
        """Nothing: request lines hold the names of objects and queues."""
