"""What each grant of the catalog allows, as one narrow statement, and the settings that say where the thing is."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Aws
from aws_cdk import aws_iam as iam

from infra.catalog import SETTINGS_OF_GRANT, Grant
from infra.constructs.cache import Cache
from infra.constructs.database import Database
from infra.constructs.documents import Documents
from infra.constructs.http_api import HttpApi
from infra.constructs.queues import EventQueue, MachineQueue
from infra.constructs.secrets import NAMES, Secrets
from infra.kpis import namespace
from infra.settings import Settings


@dataclass(frozen=True)
class Resources:
    """What functions may be granted access to."""

    database: Database
    cache: Cache
    documents: Documents
    secrets: Secrets
    queues: Mapping[str, MachineQueue]  # by the names of the machines that they start
    events: EventQueue
    api: HttpApi


def statements(resources: Resources) -> dict[Grant, iam.PolicyStatement]:
    """One statement for every grant."""
    documents, database = resources.documents, resources.database
    narrow = {
        Grant.SEND_EVENTS: (["sqs:SendMessage"], [resources.events.queue.queue_arn]),
        Grant.WRITE_INSPECTION: (["s3:PutObject"], [documents.arn_of("inspection/*")]),
        Grant.WRITE_PASSES: (["s3:PutObject"], [documents.arn_of("passes/*")]),
        Grant.READ_PASSES: (["s3:GetObject"], [documents.arn_of("passes/*")]),
        Grant.READ_MEDIA: (["secretsmanager:GetSecretValue"], [resources.secrets.arns[Grant.ACCESS_TOKEN]]),
        Grant.SCHOOL_GRAPH: (["execute-api:Invoke"], [resources.api.arn_of("POST", "/graphql")]),
        Grant.CACHE: (["elasticache:Connect"], resources.cache.connect_arns),
        Grant.DATABASE_READER: (["rds-db:connect"], [database.reader_user_arn]),
        Grant.DATABASE_WRITER: (["rds-db:connect"], [database.writer_user_arn]),
    }
    for grant, queue in _queues_by_grant(resources.queues).items():
        narrow[grant] = (["sqs:SendMessage"], [queue.queue.queue_arn])
    for grant in NAMES:
        narrow[grant] = (["secretsmanager:GetSecretValue"], [resources.secrets.arns[grant]])
    return {grant: iam.PolicyStatement(actions=actions, resources=arns) for grant, (actions, arns) in narrow.items()}


def _queues_by_grant(queues: Mapping[str, MachineQueue]) -> dict[Grant, MachineQueue]:
    """A grant that brings the URL of a machine's queue along is the grant to send there."""
    by_setting = {queue.machine.queue_url_setting: queue for queue in queues.values()}
    return {
        grant: by_setting[setting]
        for grant, settings in SETTINGS_OF_GRANT.items()
        for setting in settings
        if setting in by_setting
    }


def environment(settings: Settings, resources: Resources) -> Mapping[str, str]:
    """Every setting that a function can ask for; docs/architecture.md says what each means."""
    database, cache, api = resources.database, resources.cache, resources.api
    secrets = {f"{grant.name}_NAME": resources.secrets.names[grant] for grant in NAMES}
    queues = {queue.machine.queue_url_setting: queue.queue.queue_url for queue in resources.queues.values()}
    return {
        **secrets,
        **queues,
        "EVENTS_QUEUE_URL": resources.events.queue.queue_url,
        "DOCUMENTS_BUCKET": resources.documents.name,
        "CACHE_URL": cache.url,
        "CACHE_NAME": cache.name,
        "CACHE_AUTH": "iam",
        "DATABASE_WRITER_URL": database.writer_url,
        "DATABASE_READER_URL": database.reader_url,
        "DATABASE_AUTH": "iam",
        "WHATSAPP_API_URL": settings.whatsapp_api_url,
        "WHATSAPP_PHONE_NUMBER_ID": settings.whatsapp_phone_number_id,
        "SCHOOL_API_URL": settings.school_api_url,
        "SCHOOL_GRAPH_URL": f"{api.url}/graphql",
        "SCHOOL_API_CALLS_PER_MINUTE": str(settings.school_api_calls_per_minute),
        "STUDENTS_PER_PAGE": str(settings.students_per_page),
        "OPENAI_API_URL": settings.openai_api_url,
        "OPENAI_MODEL": settings.openai_model,
        "OPENAI_TRANSCRIPTION_MODEL": settings.openai_transcription_model,
        "PUBLIC_URL": settings.public_url or api.url,
        "ENVIRONMENT": settings.environment,
        "LOG_KEY": Aws.STACK_ID,  # tells nothing, and another environment has another
        "LOG_LEVEL": settings.log_level,
        "POWERTOOLS_METRICS_NAMESPACE": namespace(settings.environment),
    }
