"""A server that stops answering without hanging up, as one does whose host is gone; or hangs up in mid-sentence."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class SilentServer:
    """Silent from the start, or passing everything on to a real one (`port`) until `silent` is set."""

    def __init__(self, port: int | None = None) -> None:
        self.silent = port is None
        self.cuts = 0  # answers still to be cut off in the middle
        self.connects = 0  # how often somebody came
        self._port = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []

    @property
    def url(self) -> str:
        return f"postgresql+pg8000://assistant@127.0.0.1:{self._listening.getsockname()[1]}/school"

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                self.connects += 1
                self._open.append(client)
                if not self.silent:
                    server = socket.create_connection(("127.0.0.1", self._port))
                    self._open.append(server)
                    for source, target in ((client, server), (server, client)):
                        threading.Thread(target=self._pass_on, args=(source, target, server), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if source is server and self.cuts and len(data) > 1:
                    self.cuts -= 1
                    target.sendall(data[: len(data) // 2])
                    target.shutdown(socket.SHUT_RDWR)
                    return
                if not self.silent:
                    target.sendall(data)

    def close(self) -> None:
        for item in [self._listening, *self._open]:
            with suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)
            item.close()


@contextmanager
def silent_server(port: int | None = None) -> Iterator[SilentServer]:
    server = SilentServer(port)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(30)
