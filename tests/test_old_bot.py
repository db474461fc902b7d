"""What the replaced bot got wrong, row by row, and the tests that would fail on it: the index, held to be complete."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

# What happened there -> the tests here, as file::test below tests/.
ROWS = {
    "unsigned and wrongly signed webhooks were acted on": [
        "e2e/test_conversation.py::test_unsigned_or_wrongly_signed_does_nothing",
        "functions/test_webhook.py::test_a_body_without_a_valid_signature_is_refused_and_nothing_happens",
    ],
    "the same webhook twice: two answers, two requests counted": [
        "e2e/test_conversation.py::test_same_body_twice_and_at_the_same_instant_is_one_reply_and_one_pass",
        "adapters/database/test_gate_passes.py::test_same_message_counts_once",
    ],
    "two pass requests at once: two valid passes, one PDF overwriting the other": [
        "e2e/test_faults.py::test_two_requests_of_one_instant_are_one_pass_and_one_pdf",
        "adapters/database/test_gate_passes.py::test_two_simultaneous_requests_make_one_pass_and_count_as_two",
    ],
    "school API 500: no retry; HTML: 'no fees recorded'": [
        "e2e/test_faults.py::test_school_api_down_is_one_apology_and_nothing_internal",
        "e2e/test_faults.py::test_school_api_failing_once_is_tried_again",
        "adapters/test_school_api.py::test_unknown_shape_is_a_failure_never_an_empty_account",
    ],
    "school API hangs: minutes of silence": [
        "e2e/test_faults.py::test_school_api_down_or_silent_serves_the_last_figures_with_their_date",
        "adapters/test_school_api.py::test_silent_school_takes_no_more_than_the_deadline_for_several_children",
    ],
    "profile call fails while the student is in the database": [
        "e2e/test_conversation.py::test_children_together_with_a_sum_fetched_side_by_side",  # six calls, no profile
    ],
    "Graph API fails once, or the token is expired: the answer is lost": [
        "e2e/test_faults.py::test_graph_api_down_keeps_the_message_and_answers_after_recovery",
        "e2e/test_faults.py::test_graph_api_failing_once_is_tried_again_within_the_run",
        "infra/test_templates.py::test_operations_explains_every_alarm",
    ],
    "the document is refused: an internal error text": [
        "e2e/test_faults.py::test_a_refused_document_becomes_its_details_as_text",
    ],
    "under 50 %: 'Gate pass issued! Pass ID: None'": [
        "e2e/test_conversation.py::test_no_gate_pass_under_half_and_how_much_is_missing",
    ],
    "requests 4 and 5 say 'issued', request 6 gives no reason": [
        "e2e/test_conversation.py::test_weekly_limit_says_what_was_sent_and_why",
    ],
    "after a statement, menu numbers mean something else": [
        "e2e/test_faults.py::test_a_row_of_old_trouble_a_question_of_ours_never_traps",
        "domain/test_conversation.py::test_commands_work_while_a_child_is_asked_for",
    ],
    "parents never reach the AI; 'hi', 'thanks', '1.' are invalid": [
        "e2e/test_conversation.py::test_balance_in_many_words",
        "e2e/test_conversation.py::test_general_question_is_answered_and_kept_for_the_next",
    ],
    "voice, image and button messages get no answer": [
        "e2e/test_conversation.py::test_what_is_not_text_gets_one_helpful_line",
        "e2e/test_conversation.py::test_several_children_are_asked_for_by_button_or_name",
    ],
    "ten calls a minute shared by all, then 'unexpected error'": [
        "statemachines/test_conversation.py::test_a_fetch_waits_for_the_rate_limit",
        "functions/test_understand.py::test_in_a_rush_old_figures_are_better_than_none",
        "adapters/test_school_api.py::test_a_429_is_waited_for_as_long_as_it_says",
    ],
    "a pass request overwrites the parent's numbers": [
        "functions/test_save_found_student.py::test_a_stranger_who_names_a_child_takes_no_number_away",
        "functions/test_save_student_page.py::test_people_whom_a_page_does_not_change_stay_cached",
        "test_architecture.py::test_only_the_sync_writes_numbers",
    ],
    "a new engine and pool per message": [
        "adapters/database/test_connection.py::test_handlers_keep_one_connection_across_messages",
        "adapters/database/test_connection.py::test_pool_is_bounded",
    ],
    "five questions a day for strangers never applied": [
        "e2e/test_conversation.py::test_questions_of_a_visitor_are_limited_in_a_day",
    ],
    "passwords, tokens, numbers and replies in the log": [
        "functions/test_logs.py::test_one_message_logs_little_and_nothing_of_the_parent",
        "functions/test_logs.py::test_failures_are_logged_without_anything_of_the_parent",
    ],
    "in the holidays each feature assumes another term": [
        "functions/test_gate_pass.py::test_no_pass_in_the_holidays",
        "domain/test_terms.py::test_between_terms_the_ended_one_is_billed_and_the_next_is_known",
    ],
    "the gate check trusts a phone number in the link": [
        "e2e/test_conversation.py::test_gate_pass_by_share_paid",
        "adapters/database/test_gate_passes.py::test_any_other_token_is_unknown_and_nothing_is_written",
    ],
    "a default key where none is set": [
        "functions/test_webhook.py::test_missing_settings_are_named_and_there_are_no_defaults"
    ],
    "three sends for a message, first sign of life after 2.4 s": [
        "e2e/test_conversation.py::test_first_sign_of_life_is_the_typing_indicator",
    ],
    "two first messages at one instant: one reply lost": [
        "adapters/database/test_contacts.py::test_two_simultaneous_first_messages_are_both_recorded",
    ],
    "database down: '1' is sent to OpenAI; secrets hanging: minutes of silence": [
        "e2e/test_faults.py::test_database_down_still_understands_and_apologises_once",
        "e2e/test_faults.py::test_secrets_hanging_is_no_silence",
    ],
    "Graph API recovers late: a raw error text is read": [
        "e2e/test_faults.py::test_graph_api_down_keeps_the_message_and_answers_after_recovery",
    ],
}


@pytest.mark.parametrize("row", sorted(ROWS))
def test_each_row_has_tests_that_exist(row: str) -> None:
    for name in ROWS[row]:
        path, _, test = name.partition("::")
        tree = ast.parse((TESTS / path).read_text("utf-8"))
        assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, name
