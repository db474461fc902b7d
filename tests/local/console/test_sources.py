"""Reading a stream of events."""

from local.console.sources import events


def test_events_are_read_however_the_stream_is_cut() -> None:
    stream = b': here\n\nid: 1\nevent: state\ndata: {"a": 1}\n\n: here\n\nid: 2\nevent: run\ndata: {"text": "a: b"}\n\n'
    expected = [("state", {"a": 1}), ("run", {"text": "a: b"})]
    for size in (1, 7, 50, 1000):
        parts = [stream[start : start + size] for start in range(0, len(stream), size)]
        assert list(events(iter(parts))) == expected
