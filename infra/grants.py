"""What each grant of the catalog allows, as one narrow statement, and the settings that say where the thing is."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_iam as iam

from infra.catalog import Grant
from infra.constructs.cache import Cache
from infra.constructs.database import Database
from infra.constructs.documents import Documents
from infra.constructs.http_api import FrontDoor
from infra.constructs.message_queues import MessageQueues
from infra.constructs.secrets import NAMES, Secrets
from infra.kpis import namespace
from infra.settings import Settings


@dataclass(frozen=True)
class Outside:
    """What functions reach."""

    database: Database
    cache: Cache
    documents: Documents
    secrets: Secrets
    queues: MessageQueues
    front_door: FrontDoor


def statements(outside: Outside) -> dict[Grant, iam.PolicyStatement]:
    """One statement for every grant."""
    documents, queues = outside.documents, outside.queues
    narrow = {
        Grant.SEND_CONVERSATION: (["sqs:SendMessage"], [queues.fifo["messages"].queue_arn]),
        Grant.SEND_PAYMENTS: (["sqs:SendMessage"], [queues.fifo["payments"].queue_arn]),
        Grant.SEND_EVENTS: (["sqs:SendMessage"], [queues.events.queue_arn]),
        Grant.WRITE_INSPECTION: (["s3:PutObject"], [documents.arn_of("inspection/*")]),
        Grant.WRITE_PASSES: (["s3:PutObject"], [documents.arn_of("passes/*")]),
        Grant.READ_PASSES: (["s3:GetObject"], [documents.arn_of("passes/*")]),
        Grant.SCHOOL_GRAPH: (["execute-api:Invoke"], [outside.front_door.arn_of("POST", "/graphql")]),
        Grant.CACHE: (["elasticache:Connect"], outside.cache.connect_arns),
        Grant.DATABASE_READER: (["rds-db:connect"], [outside.database.reader_user_arn]),
        Grant.DATABASE_WRITER: (["rds-db:connect"], [outside.database.writer_user_arn]),
    }
    for grant in NAMES:
        narrow[grant] = (["secretsmanager:GetSecretValue"], [outside.secrets.arns[grant]])
    return {
        grant: iam.PolicyStatement(actions=actions, resources=resources)
        for grant, (actions, resources) in narrow.items()
    }


def environment(settings: Settings, outside: Outside) -> Mapping[str, str]:
    """Every setting that a function can ask for; docs/architecture.md says what each means."""
    queues, api_url = outside.queues, outside.front_door.url
    secrets = {f"{grant.name}_NAME": outside.secrets.names[grant] for grant in NAMES}
    return {
        **secrets,
        "CONVERSATION_QUEUE_URL": queues.fifo["messages"].queue_url,
        "PAYMENT_QUEUE_URL": queues.fifo["payments"].queue_url,
        "EVENTS_QUEUE_URL": queues.events.queue_url,
        "DOCUMENTS_BUCKET": outside.documents.bucket.bucket_name,
        "CACHE_URL": outside.cache.url,
        "CACHE_NAME": outside.cache.name,
        "CACHE_AUTH": "iam",
        "DATABASE_WRITER_URL": outside.database.writer_url,
        "DATABASE_READER_URL": outside.database.reader_url,
        "DATABASE_AUTH": "iam",
        "WHATSAPP_API_URL": settings.whatsapp_api_url,
        "WHATSAPP_PHONE_NUMBER_ID": settings.whatsapp_phone_number_id,
        "SCHOOL_API_URL": settings.school_api_url,
        "SCHOOL_GRAPH_URL": f"{api_url}/graphql",
        "SCHOOL_API_CALLS_PER_MINUTE": str(settings.school_api_calls_per_minute),
        "STUDENTS_PER_PAGE": str(settings.students_per_page),
        "OPENAI_API_URL": settings.openai_api_url,
        "OPENAI_MODEL": settings.openai_model,
        "PUBLIC_URL": settings.public_url or api_url,
        "ENVIRONMENT": settings.environment,
        "LOG_LEVEL": settings.log_level,
        "POWERTOOLS_METRICS_NAMESPACE": namespace(settings.environment),
    }
