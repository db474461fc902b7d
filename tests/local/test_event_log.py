"""The ring of events: what readers get, and what they miss."""

import json
import threading

from local.event_log import Event, EventLog


def kinds(log: EventLog, after: int) -> list[str]:
    return [event.kind for event in log.after(after).events]


def test_a_reader_gets_the_events_after_the_one_it_saw_last() -> None:
    log = EventLog()
    for kind in ("one", "two", "three"):
        log.publish(kind, {})
    assert kinds(log, 1) == ["two", "three"]
    assert kinds(log, 3) == []


def test_memory_is_bounded_and_a_late_reader_is_told_that_it_missed_something() -> None:
    log = EventLog(kept=3)
    for number in range(10):
        log.publish("tick", {"n": number})
    found = log.after(2)
    assert [event.number for event in found.events] == [8, 9, 10]
    assert found.missed
    assert not log.after(7).missed


def test_a_waiting_reader_is_woken_by_an_event() -> None:
    log = EventLog()
    threading.Timer(0.05, log.publish, ("late", {})).start()
    assert [event.kind for event in log.wait(0, 10).events] == ["late"]


def test_a_listener_is_called_until_it_leaves() -> None:
    log = EventLog()
    called: list[int] = []
    with log.listening(lambda: called.append(log.latest)):
        log.publish("one", {})
    log.publish("two", {})
    assert called == [1]


def test_a_stream_says_that_it_is_connected_and_then_what_happens() -> None:
    log = EventLog()
    log.publish("before", {})
    stream = log.stream()
    assert next(stream).startswith(b":")
    log.publish("state", {"name": "Send reply"})
    assert next(stream) == b'id: 2\nevent: state\ndata: {"name": "Send reply"}\n\n'


def test_an_event_is_one_line_of_data_whatever_the_text() -> None:
    log = EventLog()
    log.publish("message", {"text": "two\nlines · é"})
    encoded = log.after(0).events[0].encode("boot-").decode()
    assert encoded.startswith("id: boot-1\n")
    assert json.loads(encoded.split("data: ")[1]) == {"text": "two\nlines · é"}
    assert Event(1, "a", "{}").encode().count(b"\n") == 4
