"""The verdict on what WhatsApp accepted."""

import pytest

from bench.soak.traffic import WISHES
from bench.soak.verdict import Asked, Reply, Verdict, judge

BALANCE = next(wish for wish in WISHES if wish.words == "balance")
ANSWER, APOLOGY = "Billed: $750.00", "Sorry, I cannot issue a gate pass at the moment."


def asked(name: str = "a", begun: float = 10.0, accepted: float | None = 11.0) -> Asked:
    return Asked(name, 1, BALANCE, begun, accepted)


def judged(*replies: Reply, outages: tuple[tuple[float, float], ...] = ()) -> Verdict:
    return judge([asked()], replies, outages)


def test_one_answer_is_good() -> None:
    verdict = judged(Reply("a", 12, ANSWER))
    assert (verdict.answered, verdict.is_good) == (["a"], True)


def test_no_answer_is_lost() -> None:
    verdict = judged()
    assert (verdict.lost, verdict.is_good) == (["a"], False)


def test_what_waited_while_the_same_wish_was_answered_is_not_lost() -> None:
    first, second = asked("a"), asked("b")
    second.written = 10.0
    assert judge([first, second], [Reply("a", 16, ANSWER)], ()).together == ["b"]
    assert judge([first, second], [Reply("a", 14, ANSWER)], ()).lost == ["b"]
    second.sender = 2
    assert judge([first, second], [Reply("a", 16, ANSWER)], ()).lost == ["b"]


@pytest.mark.parametrize("second", [ANSWER, APOLOGY])
def test_a_second_message_for_the_same_question_is_doubled(second: str) -> None:
    verdict = judged(Reply("a", 12, ANSWER), Reply("a", 13, second))
    assert (verdict.doubled, verdict.is_good) == (["a"], False)


def test_a_receipt_that_comes_twice_is_doubled() -> None:
    receipt = Reply("payment:1:2", 12, "Thank you")
    assert judged(Reply("a", 12, ANSWER), receipt).is_good
    assert judged(Reply("a", 12, ANSWER), receipt, receipt).doubled == ["payment:1:2"]


def test_an_apology_is_needless_unless_something_was_down() -> None:
    apology = Reply("a", 12, APOLOGY)
    assert judged(apology).needless == ["a"]
    assert judged(apology, outages=((20.0, 30.0),)).needless == ["a"]
    assert judged(apology, outages=((9.0, 30.0),)).apologised == ["a"]


def test_an_answer_to_something_else_is_wrong() -> None:
    assert judged(Reply("a", 12, "1. Fee balance")).wrong == ["a"]


def test_an_answer_before_that_to_an_earlier_message_is_out_of_order() -> None:
    first, second = asked("a", 10, 11), asked("b", 12, 13)
    early = judge([first, second], [Reply("b", 14, ANSWER), Reply("a", 15, ANSWER)], ())
    assert (early.out_of_order, early.is_good) == (["b"], False)
    assert judge([first, second], [Reply("a", 14, ANSWER), Reply("b", 15, ANSWER)], ()).is_good


def test_messages_that_were_under_way_at_once_have_no_order() -> None:
    first, second = asked("a", 10, 12), asked("b", 11, 13)
    assert judge([first, second], [Reply("b", 14, ANSWER), Reply("a", 15, ANSWER)], ()).is_good
