"""The faults of the matrix."""

from bench.soak.faults import NOT_ASKED, ON_THE_WAY, all_faults
from infra.catalog import FUNCTIONS, function


def test_every_function_on_the_way_dies_before_and_after_its_work() -> None:
    assert all(function(name).trigger in ON_THE_WAY for name in NOT_ASKED)
    expected = {item.name for item in FUNCTIONS if item.trigger in ON_THE_WAY and item.name not in NOT_ASKED}
    for kind in ("dies before its work", "dies after its work"):
        assert {fault.part.strip("`") for fault in all_faults() if fault.kind == kind} == expected


def test_every_part_has_several_faults_and_the_quick_ones_meet_each_kind_of_part() -> None:
    faults = all_faults()
    names = [str(fault) for fault in faults]
    assert len(names) == len(set(names))
    quick = {fault.part for fault in faults if fault.is_quick}
    assert {"school's API", "OpenAI", "WhatsApp", "files (S3)", "queue (SQS)", "Redis", "primary", "replica"} <= quick
    assert {"`send_reply`", "`understand`"} <= quick
