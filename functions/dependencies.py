"""Builds the clients and services of a function, each once per process, on first use.

Modules are imported inside the getters: a function loads only what it uses.
"""

from functools import cache
from typing import TYPE_CHECKING

from functions import settings
from functions.adapters.school_config import school
from functions.settings import from_environment

if TYPE_CHECKING:
    import requests

    from functions.adapters.aws import AwsClient
    from functions.adapters.cache.account_cache import AccountCache
    from functions.adapters.cache.message_claims import MessageClaims
    from functions.adapters.cache.rate_limit import RateLimit
    from functions.adapters.cache.redis_client import RedisClient
    from functions.adapters.cache.sender_cache import SenderCache
    from functions.adapters.database.connection import Database
    from functions.adapters.document_store import DocumentStore
    from functions.adapters.openai_api import LanguageModel
    from functions.adapters.queues import Queue
    from functions.adapters.school_api import SchoolApi
    from functions.adapters.school_graph_client import SchoolGraphClient
    from functions.adapters.secret_store import SecretStore
    from functions.adapters.whatsapp.client import WhatsAppClient
    from functions.adapters.whatsapp.media import WhatsAppMedia
    from functions.services.account_lookup import AccountLookup
    from functions.services.answer_question import QuestionAnswerer
    from functions.services.consent import ConsentRecorder
    from functions.services.handle_message import MessageHandler
    from functions.services.issue_gate_pass import GatePassIssuer
    from functions.services.message_history import MessageHistory
    from functions.services.notify_office import OfficeNotifier
    from functions.services.office_requests import OfficeDesk
    from functions.services.outbound import Outbound
    from functions.services.payments import PaymentRecorder, ReceiptPreparer
    from functions.services.purge_records import RecordPurger
    from functions.services.receive_payment_notice import PaymentNoticeReceiver
    from functions.services.receive_webhook import WebhookReceiver
    from functions.services.record_conversation import ConversationRecorder
    from functions.services.record_delivery import DeliveryRecorder
    from functions.services.release_claim import ClaimReleaser
    from functions.services.send_receipt import ReceiptSender
    from functions.services.send_reply import ReplySender
    from functions.services.staff.desk import StaffDesk
    from functions.services.student_sync import StudentSync
    from functions.services.transcribe import VoiceNoteReader
    from functions.services.verify_gate_pass import GatePassVerifier
    from functions.services.write_to_parent import LetterWriter


# --- clients of the outside -------------------------------------------------------------------------------------------


@cache
def http_session() -> "requests.Session":
    from functions.adapters.http_client import session

    return session()


@cache
def aws() -> "AwsClient":
    from functions.adapters.aws import AwsClient

    return AwsClient(http_session())


@cache
def secrets() -> "SecretStore":
    from functions.adapters.secret_store import SecretStore

    return SecretStore(aws())


@cache
def school_api() -> "SchoolApi":
    from functions.adapters.school_api import SchoolApi

    given = from_environment(settings.SchoolApiSettings)
    return SchoolApi(http_session(), secrets(), given.school_api_url, given.school_api_key_name)


@cache
def school_api_for_graph() -> "SchoolApi":
    """Two tries of each call: the caller of the gateway asks again for what is missing."""
    from functions.adapters.school_api import SchoolApi

    given = from_environment(settings.SchoolApiSettings)
    return SchoolApi(http_session(), secrets(), given.school_api_url, given.school_api_key_name, tries=2)


@cache
def school_graph() -> "SchoolGraphClient":
    from functions.adapters.school_graph_client import SchoolGraphClient

    return SchoolGraphClient(aws(), from_environment(settings.SchoolGraphSettings).school_graph_url)


@cache
def language_model() -> "LanguageModel":
    from functions.adapters.openai_api import LanguageModel

    given = from_environment(settings.OpenAiSettings)
    return LanguageModel(secrets(), given.openai_api_url, given.openai_api_key_name, given.openai_model)


@cache
def transcription_model() -> "LanguageModel":
    from functions.adapters.openai_api import LanguageModel

    given = from_environment(settings.TranscriptionSettings)
    return LanguageModel(secrets(), given.openai_api_url, given.openai_api_key_name, given.openai_transcription_model)


@cache
def whatsapp_media() -> "WhatsAppMedia":
    from functions.adapters.whatsapp.media import WhatsAppMedia

    given = from_environment(settings.WhatsAppMediaSettings)
    return WhatsAppMedia(http_session(), secrets(), given.whatsapp_api_url, given.access_token_name)


@cache
def whatsapp() -> "WhatsAppClient":
    from functions.adapters.whatsapp.client import WhatsAppClient

    given = from_environment(settings.WhatsAppSettings)
    return WhatsAppClient(
        http_session(),
        secrets(),
        given.whatsapp_api_url,
        given.whatsapp_phone_number_id,
        given.access_token_name,
    )


@cache
def documents() -> "DocumentStore":
    from functions.adapters.document_store import DocumentStore

    return DocumentStore(aws(), from_environment(settings.DocumentSettings).documents_bucket)


@cache
def payment_queue() -> "Queue":
    from functions.adapters.queues import Queue

    return Queue(aws(), from_environment(settings.PaymentQueueSettings).payment_queue_url)


# --- clients of the data stores ---------------------------------------------------------------------------------------


@cache
def redis() -> "RedisClient":
    return redis_of(from_environment(settings.CacheSettings))


@cache
def redis_of(given: settings.CacheSettings) -> "RedisClient":
    """The one client of that cache."""
    from functions.adapters.cache.redis_client import RedisClient

    return RedisClient(given.cache_url, iam=given.cache_auth == "iam", cache_name=given.cache_name)


@cache
def primary() -> "Database":
    """The primary alone."""
    given = from_environment(settings.PrimarySettings)
    return database_of(given.database_writer_url, None, given.database_auth)


@cache
def database() -> "Database":
    """The primary and its read replica."""
    given = from_environment(settings.DatabaseSettings)
    return database_of(given.database_writer_url, given.database_reader_url, given.database_auth)


@cache
def database_of(writer_url: str, reader_url: str | None, auth: str) -> "Database":
    """The one client of these servers."""
    from functions.adapters.database.connection import Database

    return Database(writer_url, reader_url, iam=auth == "iam")


@cache
def message_claims() -> "MessageClaims":
    from functions.adapters.cache.message_claims import MessageClaims

    return MessageClaims(redis())


@cache
def sender_cache() -> "SenderCache":
    from functions.adapters.cache.sender_cache import SenderCache

    return SenderCache(redis())


@cache
def account_cache() -> "AccountCache":
    from functions.adapters.cache.account_cache import AccountCache

    return AccountCache(redis())


@cache
def rate_limit() -> "RateLimit":
    from functions.adapters.cache.rate_limit import RateLimit

    return RateLimit(redis(), from_environment(settings.RateLimitSettings).school_api_calls_per_minute)


# --- services ---------------------------------------------------------------------------------------------------------


@cache
def account_lookup() -> "AccountLookup":
    from functions.services.account_lookup import AccountLookup

    return AccountLookup(account_cache(), rate_limit())


@cache
def message_history() -> "MessageHistory":
    from functions.services.message_history import MessageHistory

    return MessageHistory(database)


@cache
def message_handler() -> "MessageHandler":
    from functions.adapters.cache.rate_limit import DailyCounter
    from functions.adapters.phrases_config import phrases
    from functions.services.handle_message import MessageHandler
    from functions.services.limits import Limits
    from functions.services.sender_lookup import SenderLookup

    return MessageHandler(
        claims=message_claims(),
        senders=SenderLookup(sender_cache(), database),
        accounts=account_lookup(),
        limits=Limits(DailyCounter(redis()), rate_limit(), message_history(), school()),
        history=message_history(),
        school=school(),
        phrases=phrases(),
    )


@cache
def question_answerer() -> "QuestionAnswerer":
    from functions.services.answer_question import QuestionAnswerer

    return QuestionAnswerer(language_model(), school())


@cache
def voice_note_reader() -> "VoiceNoteReader":
    from functions.services.transcribe import VoiceNoteReader

    return VoiceNoteReader(whatsapp_media(), transcription_model())


@cache
def gate_pass_issuer() -> "GatePassIssuer":
    from functions.services.issue_gate_pass import GatePassIssuer

    public_url = from_environment(settings.PublicUrlSettings).public_url
    return GatePassIssuer(primary(), documents(), public_url, school())


@cache
def gate_pass_verifier() -> "GatePassVerifier":
    from functions.services.verify_gate_pass import GatePassVerifier

    return GatePassVerifier(database(), school())


@cache
def outbound() -> "Outbound":
    from functions.services.outbound import Outbound

    return Outbound(whatsapp())


@cache
def reply_sender() -> "ReplySender":
    from functions.services.send_reply import ReplySender

    return ReplySender(outbound(), documents(), school())


@cache
def office_notifier() -> "OfficeNotifier":
    from functions.services.notify_office import OfficeNotifier

    return OfficeNotifier(outbound(), whatsapp_media(), school())


@cache
def letter_writer() -> "LetterWriter":
    from functions.services.write_to_parent import LetterWriter

    return LetterWriter(outbound(), school())


@cache
def receipt_sender() -> "ReceiptSender":
    from functions.services.send_receipt import ReceiptSender

    return ReceiptSender(outbound(), school())


@cache
def conversation_recorder() -> "ConversationRecorder":
    from functions.adapters.phrases_config import phrases
    from functions.services.record_conversation import ConversationRecorder

    return ConversationRecorder(message_claims(), sender_cache(), primary(), phrases())


@cache
def consent_recorder() -> "ConsentRecorder":
    from functions.services.consent import ConsentRecorder

    return ConsentRecorder(primary(), sender_cache())


@cache
def claim_releaser() -> "ClaimReleaser":
    from functions.services.release_claim import ClaimReleaser

    return ClaimReleaser(message_claims(), primary())


@cache
def office_desk() -> "OfficeDesk":
    from functions.services.office_requests import OfficeDesk

    return OfficeDesk(primary(), school())


@cache
def staff_desk() -> "StaffDesk":
    from functions.services.staff.desk import StaffDesk

    return StaffDesk(primary(), sender_cache(), school())


@cache
def webhook_receiver() -> "WebhookReceiver":
    from functions.adapters.queues import Queue
    from functions.services.receive_webhook import Secrets, WebhookReceiver

    given = from_environment(settings.WebhookSettings)
    sending = from_environment(settings.WhatsAppSettings)
    return WebhookReceiver(
        secrets=secrets(),
        names=Secrets(given.app_secret_name, given.verify_token_name, sending.access_token_name),
        phone_number_id=given.whatsapp_phone_number_id,
        messages=Queue(aws(), from_environment(settings.ConversationQueueSettings).conversation_queue_url),
        payments=payment_queue(),
        events=Queue(aws(), from_environment(settings.EventsQueueSettings).events_queue_url),
        documents=documents(),
        whatsapp=whatsapp(),
    )


@cache
def payment_notice_receiver() -> "PaymentNoticeReceiver":
    from functions.services.receive_payment_notice import PaymentNoticeReceiver

    name = from_environment(settings.PaymentSecretSettings).payment_secret_name
    return PaymentNoticeReceiver(secrets(), name, payment_queue(), school().currency)


@cache
def receipt_preparer() -> "ReceiptPreparer":
    from functions.services.payments import ReceiptPreparer

    return ReceiptPreparer(
        claims=message_claims(),
        accounts=account_cache(),
        lookup=account_lookup(),
        rate_limit=rate_limit(),
        redis=redis(),
        database=primary(),
        school=school(),
    )


@cache
def payment_recorder() -> "PaymentRecorder":
    from functions.services.payments import PaymentRecorder

    return PaymentRecorder(message_claims(), redis(), primary())


@cache
def delivery_recorder() -> "DeliveryRecorder":
    from functions.services.record_delivery import DeliveryRecorder

    return DeliveryRecorder(message_claims(), sender_cache(), primary())


@cache
def student_sync() -> "StudentSync":
    from functions.services.student_sync import StudentSync

    return StudentSync(primary(), sender_cache(), school())


@cache
def record_purger() -> "RecordPurger":
    from functions.services.purge_records import RecordPurger

    return RecordPurger(primary(), school())


@cache
def students_per_page() -> int:
    return from_environment(settings.StudentListSettings).students_per_page
