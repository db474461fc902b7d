"""The settings of the functions: one group for each thing that a client needs, filled from the environment.

`infra/catalog.py` says which variables each function gets; a test holds that these are the ones it reads.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TypeVar

from functions.domain.errors import ConfigurationError

Group = TypeVar("Group")


@dataclass(frozen=True)
class CacheSettings:
    """Valkey or Redis in cluster mode."""

    cache_url: str  # redis:// or rediss://user@host:port
    cache_name: str  # of the serverless cache: IAM tokens are made for it
    cache_auth: str  # iam | none


@dataclass(frozen=True)
class PrimarySettings:
    """The PostgreSQL primary."""

    database_writer_url: str
    database_auth: str  # iam | none


@dataclass(frozen=True)
class DatabaseSettings:
    """The PostgreSQL primary and its read replica."""

    database_writer_url: str
    database_reader_url: str
    database_auth: str


@dataclass(frozen=True)
class SchoolApiSettings:
    """The school's REST API."""

    school_api_url: str
    school_api_key_name: str


@dataclass(frozen=True)
class RateLimitSettings:
    """What the school's API allows."""

    school_api_calls_per_minute: int  # of each kind of call


@dataclass(frozen=True)
class StudentListSettings:
    """How the nightly sync reads the school's list."""

    students_per_page: int


@dataclass(frozen=True)
class SchoolGraphSettings:
    """The GraphQL gateway."""

    school_graph_url: str


@dataclass(frozen=True)
class OpenAiSettings:
    """The language model."""

    openai_api_url: str
    openai_api_key_name: str
    openai_model: str


@dataclass(frozen=True)
class TranscriptionSettings:
    """The model that puts voice notes into words."""

    openai_api_url: str
    openai_api_key_name: str
    openai_transcription_model: str


@dataclass(frozen=True)
class WhatsAppMediaSettings:
    """Where files that people sent are read."""

    whatsapp_api_url: str
    access_token_name: str


@dataclass(frozen=True)
class WhatsAppSettings:
    """The business number that sends."""

    whatsapp_api_url: str
    whatsapp_phone_number_id: str
    access_token_name: str


@dataclass(frozen=True)
class WebhookSettings:
    """What proves that a webhook call comes from WhatsApp, and for which number."""

    app_secret_name: str
    verify_token_name: str
    whatsapp_phone_number_id: str


@dataclass(frozen=True)
class ConversationQueueSettings:
    """The FIFO queue of messages."""

    conversation_queue_url: str


@dataclass(frozen=True)
class EventsQueueSettings:
    """The queue of delivery statuses and notices."""

    events_queue_url: str


@dataclass(frozen=True)
class PaymentQueueSettings:
    """The FIFO queue of payment notices."""

    payment_queue_url: str


@dataclass(frozen=True)
class PaymentSecretSettings:
    """The secret that the school's system signs payment notices with."""

    payment_secret_name: str


@dataclass(frozen=True)
class DocumentSettings:
    """The bucket of gate passes and of webhook bodies kept for inspection."""

    documents_bucket: str


@dataclass(frozen=True)
class PublicUrlSettings:
    """Where the pass page is."""

    public_url: str


def from_environment(group: type[Group], environment: Mapping[str, str] | None = None) -> Group:
    """Fill the dataclass `group` from variables named as its fields in capitals; `str` and `int` fields.

    Raises ConfigurationError that names every missing or unreadable variable of the group.
    """
    source = os.environ if environment is None else environment
    values: dict[str, object] = {}
    problems = []
    for item in fields(group):  # type: ignore[arg-type]
        name = item.name.upper()
        raw = source.get(name, "")
        if not raw:
            problems.append(f"{name}: missing")
        elif item.type is int and not re.fullmatch(r"-?\d+", raw):
            problems.append(f"{name}: expected a whole number")
        else:
            values[item.name] = int(raw) if item.type is int else raw
    if problems:
        raise ConfigurationError(problems)
    return group(**values)


def variables_of(group: type[object]) -> tuple[str, ...]:
    """The environment variables that a settings group reads."""
    return tuple(item.name.upper() for item in fields(group))  # type: ignore[arg-type]
