"""A server that speaks Redis' protocol and answers from a script: what a serverless cache does, and a real Redis never.

Sign-ins, topology and reads are answered as one node would; `say` gives the next answer to a command instead.
"""

import socket
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress

Answer = bytes | None  # None: hang up without one


class ScriptedRedis:
    """`commands`: every command so far, with the number of the connection that it came over."""

    def __init__(self) -> None:
        self.commands: list[tuple[int, list[str]]] = []
        self.values: dict[str, str] = {}
        self.slots_host = "127.0.0.1"
        self._script: dict[str, list[Answer]] = defaultdict(list)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    def say(self, command: str, *answers: Answer) -> None:
        """These are the next answers to that command."""
        self._script[command] += answers

    def sent(self, command: str) -> list[list[str]]:
        """The arguments of every such command so far."""
        return [arguments for _, (name, *arguments) in self.commands if name == command]

    def serve(self) -> None:
        with suppress(OSError):
            for number in range(1000):
                client, _ = self._listening.accept()
                self._open.append(client)
                threading.Thread(target=self._converse, args=(client, number), daemon=True).start()

    def _converse(self, client: socket.socket, number: int) -> None:
        with suppress(OSError), client.makefile("rb") as incoming:
            while header := incoming.readline():
                parts = []
                for _ in range(int(header[1:])):
                    length = int(incoming.readline()[1:])
                    parts.append(incoming.read(length + 2)[:-2].decode())
                self.commands.append((number, [parts[0].upper(), *parts[1:]]))
                answer = self._answer(*self.commands[-1][1])
                if answer is None:
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(answer)

    def _answer(self, name: str, *arguments: str) -> Answer:
        if self._script[name]:
            return self._script[name].pop(0)
        if name == "CLUSTER":
            node = b"*3\r\n" + bulk(self.slots_host) + b":%d\r\n" % self.port + bulk("n" * 40)
            return b"*1\r\n*3\r\n:0\r\n:16383\r\n" + node
        if name == "COMMAND":
            return b"*1\r\n*7\r\n" + bulk("get") + b":2\r\n*1\r\n+readonly\r\n:1\r\n:1\r\n:1\r\n*0\r\n"
        if name == "GET":
            return bulk(self.values.get(arguments[0]))
        return b"+PONG\r\n" if name == "PING" else b"+OK\r\n"

    def close(self) -> None:
        for item in [self._listening, *self._open]:
            with suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)
            item.close()


def bulk(text: str | None) -> bytes:
    return b"$-1\r\n" if text is None else b"$%d\r\n%s\r\n" % (len(text.encode()), text.encode())


@contextmanager
def scripted_redis() -> Iterator[ScriptedRedis]:
    server = ScriptedRedis()
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(30)
