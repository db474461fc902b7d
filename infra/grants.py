"""What each grant of the catalog allows, as one narrow statement, and the settings that say where the thing is."""

from collections.abc import Mapping

from aws_cdk import aws_iam as iam

from infra.catalog import Grant
from infra.constructs.http_api import FrontDoor
from infra.constructs.message_queues import MessageQueues
from infra.constructs.secrets import NAMES
from infra.kpis import namespace
from infra.settings import Settings
from infra.stacks.data import DataStack


def statements(data: DataStack, queues: MessageQueues, front_door: FrontDoor) -> dict[Grant, iam.PolicyStatement]:
    """One statement for every grant."""
    documents = data.documents
    narrow = {
        Grant.SEND_CONVERSATION: (["sqs:SendMessage"], [queues.messages.queue_arn]),
        Grant.SEND_EVENTS: (["sqs:SendMessage"], [queues.events.queue_arn]),
        Grant.WRITE_INSPECTION: (["s3:PutObject"], [documents.arn_of("inspection/*")]),
        Grant.WRITE_PASSES: (["s3:PutObject"], [documents.arn_of("passes/*")]),
        Grant.READ_PASSES: (["s3:GetObject"], [documents.arn_of("passes/*")]),
        Grant.SCHOOL_GRAPH: (["execute-api:Invoke"], [front_door.arn_of("POST", "/graphql")]),
        Grant.CACHE: (["elasticache:Connect"], data.cache.connect_arns),
        Grant.DATABASE_READER: (["rds-db:connect"], [data.database.reader_user_arn]),
        Grant.DATABASE_WRITER: (["rds-db:connect"], [data.database.writer_user_arn]),
    }
    for grant in NAMES:
        narrow[grant] = (["secretsmanager:GetSecretValue"], [data.secrets.arns[grant]])
    return {
        grant: iam.PolicyStatement(actions=actions, resources=resources)
        for grant, (actions, resources) in narrow.items()
    }


def environment(settings: Settings, data: DataStack, queues: MessageQueues, api_url: str) -> Mapping[str, str]:
    """Every setting that a function can ask for; docs/architecture.md says what each means."""
    secrets = {f"{grant.name}_NAME": data.secrets.names[grant] for grant in NAMES}
    return {
        **secrets,
        "CONVERSATION_QUEUE_URL": queues.messages.queue_url,
        "EVENTS_QUEUE_URL": queues.events.queue_url,
        "DOCUMENTS_BUCKET": data.documents.bucket.bucket_name,
        "CACHE_URL": data.cache.url,
        "CACHE_NAME": data.cache.name,
        "CACHE_AUTH": "iam",
        "DATABASE_WRITER_URL": data.database.writer_url,
        "DATABASE_READER_URL": data.database.reader_url,
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
