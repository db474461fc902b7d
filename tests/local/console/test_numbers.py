"""Figures from the functions' logs."""

import json
from pathlib import Path

from infra.catalog import SchoolApi
from local.console.numbers import Numbers, cost, plot


def metric(name: str, *values: float, **more: str) -> str:
    described = [{"Metrics": [{"Name": name}]}]
    return json.dumps({"_aws": {"Timestamp": 1000, "CloudWatchMetrics": described}, name: list(values), **more}) + "\n"


def test_lines_are_counted_once_and_an_unfinished_one_later(tmp_path: Path) -> None:
    log = tmp_path / "send_reply.log"
    whole = metric("ResponseTime", 900, service="send_reply")
    log.write_text(whole + whole[:40])
    numbers = Numbers(tmp_path, SchoolApi.REST)
    numbers.refresh()
    numbers.refresh()
    assert numbers.tiles()[0].note == "1 answers"
    with log.open("a") as file:
        file.write(whole[40:])
    numbers.refresh()
    assert (numbers.tiles()[0].note, numbers.tiles()[0].value) == ("2 answers", "0.90")


def test_a_tile_is_good_only_with_a_value_on_target(tmp_path: Path) -> None:
    log = tmp_path / "send_reply.log"
    log.write_text(
        metric("ResponseTime", 5000, service="send_reply") + metric("CacheHits", *[1] * 9, service="understand")
    )
    numbers = Numbers(tmp_path, SchoolApi.REST)
    assert {tile.good for tile in numbers.tiles()} == {None}
    numbers.refresh()
    assert [tile.good for tile in numbers.tiles()] == [False, False, True, None, None]


def test_answers_are_counted_by_intent_and_plotted(tmp_path: Path) -> None:
    (tmp_path / "send_reply.log").write_text(
        metric("ResponseTime", 500, intent="balance", service="send_reply")
        + metric("ResponseTime", 9000, intent="gate_pass", service="send_reply")
    )
    numbers = Numbers(tmp_path, SchoolApi.REST)
    numbers.refresh()
    assert [(row["intent"], row["count"]) for row in numbers.intents()] == [("balance", 1), ("gate_pass", 1)]
    drawn = plot(list(numbers.points))["points"]
    assert [point["slow"] for point in drawn] == [False, True]
    assert drawn[1]["y"] == 0  # the slowest is at the top


def test_the_cost_is_that_of_the_same_rate_all_day() -> None:
    found = cost(messages=60, seconds=3600)
    assert found["a_day"] == 1440
    assert set(found["presets"]) >= {"lean", "standard"}
    assert cost(600, 3600)["presets"]["lean"] > found["presets"]["lean"]
