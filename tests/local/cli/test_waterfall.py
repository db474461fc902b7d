"""Where the time of a message went."""

from local.cli import waterfall
from tests.local.cli.drawing import drawn
from tests.local.messages import outcome


def test_the_waterfall_shows_where_the_time_went() -> None:
    lines = drawn(waterfall.waterfall(outcome(), 110), width=120).splitlines()
    assert lines[0].strip() == (
        "typing indicator 0.30 s · reply 2.10 s: 1.50 s in other services, 0.60 s in ours · all done 2.40 s"
    )
    labels = [line[:30].strip() for line in lines[1:]]
    assert labels == [
        "webhook",
        "WhatsApp: typing",
        "queue",
        "Understand",
        "Fetch fees",
        "school API: billed-fees",
        "Send reply",
    ]  # states that only decide are left out
    assert "1,500 ms" in lines[5]
    assert "✗ 500" in lines[6]
    assert "✗ Graph" in lines[7]
    begins = [line.index(next(mark for mark in "█▂" if mark in line)) for line in lines[1:]]
    assert begins == sorted(begins)


def test_a_message_without_an_execution_has_a_waterfall_too() -> None:
    assert "webhook" in drawn(waterfall.waterfall(outcome(execution=None, replies=[], calls=[]), 80))
