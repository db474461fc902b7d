"""Everything that can go wrong, as one tree.

    AssistantError
    ├── ConfigurationError            a setting or a line of config/ is missing or impossible: nothing starts
    ├── InvalidRequest                what came in is not of the expected form; names the field
    ├── ServiceError                  something outside failed
    │   ├── SchoolApiUnavailable      no usable answer from the school in time (down, silent, HTML)
    │   │   ├── SchoolApiBusy         429 to the end: wait longer
    │   │   └── SchoolApiRefused      401, 400 …: trying again is no use
    │   ├── SyncIncomplete            a sync saw too few students to be believed: nobody was deactivated
    │   ├── AnswerUnavailable         no usable answer from OpenAI in time
    │   │   └── InvalidModelReply     an answer that is empty, refused, cut off or against the contract
    │   ├── DataUnavailable           database or cache gone
    │   └── WhatsAppError             the Graph API did not take the message
    │       ├── WhatsAppUnavailable   transient: worth another try
    │       ├── WhatsAppRefused       permanent for this message: a document refused, a parameter too long
    │       │   └── MediaTooLarge     a file of a person that is larger than what we read
    │       ├── Undeliverable         permanent for this person: no WhatsApp, 24 hours over, opted out
    │       ├── OperatorNeeded        token, payment, policy, template: nobody gets an answer until someone acts
    │       ├── PartlySent            the first messages of a long text were sent, the others not
    │       └── DeliveryUnknown       no answer, or one that does not say: it may have been sent, so no second try
    └── ReplyNotComposed              something of ours failed before anything was sent: an apology is safe

State machines match on the class's name (`ErrorEquals`), so renaming one is a change of contract.
"""


class AssistantError(Exception):
    """The root of the tree."""


class ConfigurationError(AssistantError):
    """A setting or a line of the configuration is missing or impossible."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class InvalidRequest(AssistantError):
    """What came in is not of the expected form."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: expected {expected}")
        self.field = field
        self.expected = expected


class ServiceError(AssistantError):
    """Something outside failed."""


class SchoolApiUnavailable(ServiceError):
    """No usable answer from the school's API in time."""


class SchoolApiBusy(SchoolApiUnavailable):
    """The school's API asks us to wait longer than this call can."""


class SchoolApiRefused(SchoolApiUnavailable):
    """The school's API does not take the call: trying again is no use."""


class SyncIncomplete(ServiceError):
    """A sync saw too few of the students we know to be believed about those it did not see."""


class AnswerUnavailable(ServiceError):
    """No usable answer from OpenAI in time."""


class InvalidModelReply(AnswerUnavailable):
    """The model replied with something that must not be acted on or sent; `reason` says why, without its words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DataUnavailable(ServiceError):
    """The database or the cache is gone."""


class WhatsAppError(ServiceError):
    """The Graph API did not take the message; `code` is Meta's error code, 0 where there is none."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class WhatsAppUnavailable(WhatsAppError):
    """Transient: worth another try."""


class WhatsAppRefused(WhatsAppError):
    """Permanent for this message."""


class MediaTooLarge(WhatsAppRefused):
    """A file that a person has sent is larger than what we read."""


class Undeliverable(WhatsAppError):
    """Permanent for this person."""


class OperatorNeeded(WhatsAppError):
    """Nobody gets an answer until someone acts."""


class DeliveryUnknown(WhatsAppError):
    """No answer in time, or one that does not say: the message may have been sent."""


class PartlySent(WhatsAppError):
    """The first `parts` messages of a text were sent; `reply_id` is the first of this try, or empty."""

    def __init__(self, message: str, code: int, parts: int, reply_id: str) -> None:
        super().__init__(message, code)
        self.parts = parts
        self.reply_id = reply_id


class ReplyNotComposed(AssistantError):
    """Something of ours failed before anything was sent."""
