"""Records delivery statuses, reactions and notices, in batches from the events queue."""

import json
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented, logger

PROCESSOR = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def process(record: SQSRecord) -> None:
    """One record: `{"events": [...]}`. Powertools passes it by the keyword `record`."""
    try:
        dependencies.delivery_recorder().record(json.loads(record.body)["events"])
    except Exception as error:
        logger().error("events not recorded", record=record.message_id, error=type(error).__name__)
        raise


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """A batch of SQS records -> the records to be delivered again (`batchItemFailures`)."""
    return {**process_partial_response(event, process, PROCESSOR)}


initialize(dependencies.delivery_recorder)
