"""The scanner finds what was planted, in every encoding, and nothing in an ordinary log."""

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from local.plan import Plan
from local.world.sample import SampleSchool
from tests.conftest import TODAY
from tests.security.log_scanner import Personal, found_in, scan

PERSONAL = Personal(frozenset({"772100005"}), frozenset({"Chikwanha", "417.00", "EAAG-token"}))
LINE = json.dumps(
    {
        "level": "INFO",
        "message": "answered",
        "digest": "3f2a9c0d11e84b76",
        "seconds": 0.42,
        "reply_type": "balance",
        "timestamp": "2026-11-25 17:48:34,764+0000",
        "xray_trace_id": "1-6745f2a0-0123456789abcdef01234567",
    }
)


def encodings(text: str) -> dict[str, str]:
    raw = text.encode()
    return {
        "plain": text,
        "base64": base64.b64encode(raw).decode(),
        "base64 in a longer token": "x" + base64.b64encode(b"\x00\x0b" + raw + b"\x00").decode() + "yz",
        "url-safe base64": base64.urlsafe_b64encode(b"\xff\xfe" + raw).decode().rstrip("="),
        "hexadecimal": raw.hex(),
        "url": quote(text, safe=""),
    }


@pytest.mark.parametrize("planted", ["+263772100005", "Nyasha Chikwanha", "$417.00", "EAAG-token"])
@pytest.mark.parametrize("encoding", encodings(""))
def test_what_is_planted_is_found(planted: str, encoding: str) -> None:
    written = encodings(planted)[encoding]
    assert found_in(f'{LINE}\n{{"key": "{written}"}}\n{LINE}', PERSONAL)


@pytest.mark.parametrize(
    "written",
    [
        "+263 77 210 0005",
        "0772-100-005",
        "wamid.HBgMMjYzNzcyMTAwMDA1FQIAEhgUM0EwMDAwMDAwMDAwMDAwMDAwMDEA",
        "expired:wamid.HBgMMjYz",
    ],
)
def test_a_number_in_groups_and_a_message_id_are_found(written: str) -> None:
    assert found_in(written, PERSONAL)


@pytest.mark.parametrize("written", [LINE, "", "1417.00", "417.005", "Chikwanhas", "{}", "====", "x" * 5000])
def test_nothing_is_found_where_nothing_is(written: str) -> None:
    assert found_in(written, PERSONAL) == set()


def test_logs_are_named(tmp_path: Path) -> None:
    (tmp_path / "send_reply.log").write_text(f"{LINE}\n+263772100005\n")
    (tmp_path / "webhook.log").write_text(LINE)
    assert scan([tmp_path / "send_reply.log", tmp_path / "webhook.log", tmp_path / "none.log"], PERSONAL) == {
        "send_reply.log": {"772100005"}
    }


def test_the_sample_schools_people_are_known(plan: Plan) -> None:
    personal = Personal.of(SampleSchool.build(TODAY, plan.seed), plan)
    assert len(personal.digits) >= 20
    assert {"Moyo", "Chikwanha", plan.access_token} <= personal.words
    assert any(word.endswith(".00") for word in personal.words)
