"""The list of runs and its search."""

from typing import Any

from local.console.runs import KEPT, Runs


def summary(name: str, **more: Any) -> dict[str, Any]:
    message = {"id": f"wamid.{name}", "type": "text", "phone": "+263772100008", "text": "how much do I owe?"}
    return {
        "name": name,
        "machine": "conversation",
        "message_id": f"wamid.{name}",
        "message": message,
        "intent": "balance",
        "status": "SUCCEEDED",
        "start": 10.0,
        "stop": 11.5,
        "error": None,
        **more,
    }


def test_runs_are_found_by_message_id_sender_intent_and_status() -> None:
    runs = Runs()
    runs.put(summary("a"))
    runs.put(summary("b", intent="gate_pass", status="FAILED", error="NotAnswered"))
    assert [row["name"] for row in runs.search()] == ["b", "a"]
    assert [row["name"] for row in runs.search("wamid.a")] == ["a"]
    assert [row["name"] for row in runs.search("+263772100008 owe")] == ["b", "a"]
    assert [row["name"] for row in runs.search(intent="gate_pass")] == ["b"]
    assert [row["name"] for row in runs.search(status="failed")] == ["b"]
    assert [row["name"] for row in runs.search("notanswered")] == ["b"]
    assert runs.search("somebody else") == []


def test_a_run_that_ends_replaces_itself() -> None:
    runs = Runs()
    runs.put(summary("a", status="RUNNING", stop=None, intent=None))
    runs.put(summary("a"))
    (row,) = runs.search()
    assert (row["status"], row["seconds"], row["intent"]) == ("done", 1.5, "balance")


def test_the_latest_run_of_a_message_is_the_one_of_its_last_attempt() -> None:
    runs = Runs()
    runs.put(summary("a", message_id="wamid.x"))
    runs.put(summary("b", message_id="wamid.x", receive_count=2))
    found = runs.of_message("wamid.x")
    assert found is not None
    assert (found["name"], found["attempt"]) == ("b", 2)


def test_ten_thousand_runs_keep_the_list_short() -> None:
    runs = Runs()
    for number in range(10_000):
        runs.put(summary(str(number)))
    assert runs.get("0") is None
    assert runs.get(str(10_000 - KEPT)) is not None
    assert runs.started_after(0, "conversation") == KEPT
