"""Before the real PostgreSQL and Redis: TLS and the sign-in of RDS and ElastiCache, held to the functions' roles."""

import asyncio
import contextlib
import ssl
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from redis import Redis

from local.plan import ACCOUNT, REGION
from local.rehearsal.emulator import registry
from local.rehearsal.emulator.policies import Policies
from local.rehearsal.emulator.signatures import signed_query

SSL_REQUEST: Final = 80877103
CHUNK: Final = 65536

Secrets = Callable[[], dict[str, str]]  # access key -> secret key
RoleOf = Callable[[str], str]  # access key -> role


def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


class Gate:
    """What both gates share: who may come in, and passing bytes on."""

    def __init__(self, target: int, certificate: Path, policies: Policies, secrets: Secrets, role_of: RoleOf) -> None:
        """`target`: the port of the real server."""
        self._target, self._tls = target, tls(certificate)
        self._policies, self._secrets, self._role_of = policies, secrets, role_of
        self.refused: list[str] = []
        self.port = 0

    def _check_token(self, token: str, host: str, service: str, wanted: dict[str, str], arn: list[str]) -> None:
        """PermissionError unless the token is signed for this host and user, by a role that may connect."""
        address, _, rest = token.partition("/?")
        if address != host:
            raise PermissionError(f"the token is for {address}")
        key = signed_query(host, "/", rest, service, self._secrets())

        given = dict(parse_qsl(rest))
        if any(given.get(name) != value for name, value in wanted.items()):
            raise PermissionError("the token is for another user")
        action = "rds-db:connect" if service == "rds-db" else "elasticache:Connect"
        decisions = [self._policies.allow(self._role_of(key), action, resource) for resource in arn]
        if not all(decisions):
            raise PermissionError(f"the role may not {action}")

    async def _join(self, *streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        (one, to_one), (other, to_other) = streams
        try:
            await asyncio.gather(_copy(one, to_other), _copy(other, to_one))
        finally:
            for writer in (to_one, to_other):
                writer.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while data := await source.read(CHUNK):
            target.write(data)
            await target.drain()
    with contextlib.suppress(Exception):
        target.close()


class DatabaseGate(Gate):
    """One instance of RDS: encrypted connections only, tokens for IAM users, the password for the master."""

    def __init__(self, is_replica: bool, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._is_replica = is_replica

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def _instance(self) -> registry.DatabaseInstance:
        found = [item for item in registry.account().databases.values() if item.is_replica == self._is_replica]
        if not found:
            raise PermissionError("there is no such database")
        return found[0]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, TimeoutError):
            try:
                await self._serve(reader, writer)
            except PermissionError as error:
                self.refused.append(str(error))
                fields = f"SFATAL\0VFATAL\0C28000\0M{error}\0\0".encode()
                writer.write(b"E" + struct.pack("!i", len(fields) + 4) + fields)
                await writer.drain()
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length, code = struct.unpack("!ii", await reader.readexactly(8))
        if code != SSL_REQUEST:
            raise PermissionError("no encryption")  # rds.force_ssl
        writer.write(b"S")
        await writer.drain()
        await writer.start_tls(self._tls)
        (length,) = struct.unpack("!i", await reader.readexactly(4))
        startup = await reader.readexactly(length - 4)
        words = startup[4:].split(b"\0")
        options = dict(zip(words[::2], words[1::2], strict=False))
        writer.write(b"R" + struct.pack("!ii", 8, 3))  # the password, please
        await writer.drain()
        kind, length = struct.unpack("!ci", await reader.readexactly(5))
        password = (await reader.readexactly(length - 4)).rstrip(b"\0").decode()
        if kind != b"p":
            raise PermissionError("no password")
        self._check(options.get(b"user", b"").decode(), password)
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target)
        server_writer.write(struct.pack("!i", len(startup) + 4) + startup)
        await self._join((reader, writer), (server_reader, server_writer))

    def _check(self, user: str, password: str) -> None:
        instance = self._instance()
        if user == instance.master:
            if password != instance.master_password:
                raise PermissionError("password authentication failed")
            return
        if not instance.iam:
            raise PermissionError("IAM authentication is not enabled")
        arn = f"arn:aws:rds-db:{REGION}:{ACCOUNT}:dbuser:{instance.resource_id}/{user}"
        wanted = {"Action": "connect", "DBUser": user}
        self._check_token(password, f"{instance.host}:{instance.port}", "rds-db", wanted, [arn])


class CacheGate(Gate):
    """A serverless cache: TLS, and a token for each user with IAM."""

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            words, raw = await _command(reader)
            name = words[0].upper() if words else ""
            upper = [word.upper() for word in words]
            if name == "AUTH" and len(words) == 3:
                user, token = words[1:]
            elif name == "HELLO" and "AUTH" in upper:
                place = upper.index("AUTH")
                user, token = words[place + 1 : place + 3]
            else:
                writer.write(b"-NOAUTH Authentication required.\r\n")
                await writer.drain()
                continue
            try:
                self._check(user, token)
                break
            except PermissionError as error:
                self.refused.append(str(error))
                writer.write(b"-WRONGPASS invalid username-password pair or user is disabled.\r\n")
                await writer.drain()
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target)
        server_writer.write(raw)
        await self._join((reader, writer), (server_reader, server_writer))

    def _check(self, user: str, token: str) -> None:
        found = [item for item in registry.account().cache_users.values() if item.name == user and item.iam]
        caches = list(registry.account().caches.values())
        if not found or not caches:
            raise PermissionError("unknown user")
        prefix = f"arn:aws:elasticache:{REGION}:{ACCOUNT}"
        arns = [f"{prefix}:serverlesscache:{caches[0].name}", f"{prefix}:user:{found[0].id}"]
        wanted = {"Action": "connect", "User": user, "ResourceType": "ServerlessCache"}
        self._check_token(token, caches[0].name, "elasticache", wanted, arns)


async def _command(reader: asyncio.StreamReader) -> tuple[list[str], bytes]:
    """One command of Redis's protocol, as words and as it came."""
    line = await reader.readuntil(b"\r\n")
    raw, words = line, []
    for _ in range(int(line[1:])):
        head = await reader.readuntil(b"\r\n")
        body = await reader.readexactly(int(head[1:]) + 2)
        raw += head + body
        words.append(body[:-2].decode())
    return words, raw


def make_users(port: int, users: Iterable[registry.CacheUser]) -> None:
    """The users of the cache in the real server, with their commands; the gate has checked who they are."""
    with contextlib.closing(Redis(port=port, socket_timeout=5)) as server:
        for user in users:
            # The server is older than the templates' Valkey, in which looking at the cluster is no command of admins.
            words = ("ACL", "SETUSER", user.name, "reset", "nopass", *user.access.split(), "+cluster")
            server.execute_command(*words)  # type: ignore[no-untyped-call]
