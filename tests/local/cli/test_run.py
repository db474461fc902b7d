"""Ports and real services of `run`."""

import socket

import pytest

from local.cli.run import ports_from, real_services
from local.stack import StackError


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=f"Port {port} is in use"):
            ports_from(port)


def test_real_services_are_used_only_with_all_their_credentials() -> None:
    assert real_services({"SCHOOL_API_KEY": "k", "WHATSAPP_ACCESS_TOKEN": "t"}) == ({}, [])
    settings, names = real_services({"OPENAI_API_KEY": "sk-1", "SCHOOL_API_KEY": ""})
    assert names == ["OpenAI"]
    assert settings == {"openai_api_key": "sk-1", "openai_api_url": "https://api.openai.com/v1"}
