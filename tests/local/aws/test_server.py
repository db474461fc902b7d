"""HTTP as boto3 uses it: kept-open connections, and uploads that ask before they send."""

import http.client
import socket

from local.plan import BUCKET
from tests.local.aws.conftest import RunningAccount


def test_an_upload_gets_100_continue_before_its_body_is_sent(account: RunningAccount) -> None:
    """Else boto3 would wait a second for it, at every upload."""
    with socket.create_connection(("127.0.0.1", account.plan.ports.aws), 30) as connection:
        head = f"PUT /{BUCKET}/k HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(1024).startswith(b"HTTP/1.1 100 Continue\r\n")
        connection.sendall(b"x")
        assert connection.recv(1024).startswith(b"HTTP/1.1 ")


def test_a_connection_is_kept_open_between_requests(account: RunningAccount) -> None:
    """As AWS's do; and what one request left unread is not taken for the next."""
    connection = http.client.HTTPConnection("127.0.0.1", account.plan.ports.aws, timeout=30)
    connection.connect()
    opened = connection.sock
    for method, path, status in (("POST", "/redrive", 200), ("HEAD", "/nothing", 404), ("GET", "/ready", 200)):
        connection.request(method, path, body=b"left unread" if method == "POST" else None)
        response = connection.getresponse()
        response.read()
        assert (response.status, response.will_close) == (status, False)
        assert connection.sock is opened
    connection.close()
