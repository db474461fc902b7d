"""The one list of functions, read by the CDK app and by the local stack alike, so that the two cannot drift.

Nothing here imports the CDK. To add a function: write `functions/<name>.py` with a `handler`, then add an entry here.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final


class Side(Enum):
    """A function talks either to the internet or to the data stores, never to both."""

    INTERNET = "internet"
    DATA = "data"


class Trigger(Enum):
    """What calls the function."""

    CONVERSATION = "conversation state machine"
    PAYMENT = "payment state machine"
    STUDENT_SYNC = "student sync state machine"
    PURGE = "purge state machine"
    HTTP = "HTTP API"
    QUEUE = "events queue"
    DEPLOY = "deployment"


class SchoolApi(StrEnum):
    """How the conversation asks the school for an account: a setting of each environment."""

    REST = "rest"  # fees and payments, two calls side by side
    GRAPH = "graph"  # one call to the GraphQL gateway


class Authorization(Enum):
    """Whom API Gateway lets through to a function."""

    NONE = "anyone: the function itself checks what came"
    IAM = "who signs with a role that may call the route"


class Grant(Enum):
    """What a function may do besides writing its own log; each becomes one narrow policy statement."""

    SEND_CONVERSATION = "send to the conversation queue"
    SEND_PAYMENTS = "send to the payment queue"
    SEND_EVENTS = "send to the events queue"
    WRITE_INSPECTION = "write inspection/* in the documents bucket"
    WRITE_PASSES = "write passes/* in the documents bucket"
    READ_PASSES = "read passes/* in the documents bucket"
    APP_SECRET = "read the WhatsApp app secret"
    VERIFY_TOKEN = "read the WhatsApp verify token"
    ACCESS_TOKEN = "read the WhatsApp access token"
    READ_MEDIA = "read the WhatsApp access token, to fetch files that people sent"
    SCHOOL_API_KEY = "read the school API's key"
    OPENAI_API_KEY = "read the OpenAI key"
    PAYMENT_SECRET = "read the secret that payment notices are signed with"
    SCHOOL_GRAPH = "call the GraphQL gateway"
    CACHE = "connect to the cache"
    DATABASE_READER = "connect to the read replica"
    DATABASE_WRITER = "connect to the primary"


# Which environment variable each grant brings along: where the thing is, never the thing itself.
SETTINGS_OF_GRANT: Final[dict[Grant, tuple[str, ...]]] = {
    Grant.SEND_CONVERSATION: ("CONVERSATION_QUEUE_URL",),
    Grant.SEND_PAYMENTS: ("PAYMENT_QUEUE_URL",),
    Grant.SEND_EVENTS: ("EVENTS_QUEUE_URL",),
    Grant.WRITE_INSPECTION: ("DOCUMENTS_BUCKET",),
    Grant.WRITE_PASSES: ("DOCUMENTS_BUCKET",),
    Grant.READ_PASSES: ("DOCUMENTS_BUCKET",),
    Grant.APP_SECRET: ("APP_SECRET_NAME",),
    Grant.VERIFY_TOKEN: ("VERIFY_TOKEN_NAME",),
    Grant.ACCESS_TOKEN: ("ACCESS_TOKEN_NAME",),
    Grant.READ_MEDIA: ("ACCESS_TOKEN_NAME",),
    Grant.SCHOOL_API_KEY: ("SCHOOL_API_KEY_NAME",),
    Grant.OPENAI_API_KEY: ("OPENAI_API_KEY_NAME",),
    Grant.PAYMENT_SECRET: ("PAYMENT_SECRET_NAME",),
    Grant.SCHOOL_GRAPH: ("SCHOOL_GRAPH_URL",),
    Grant.CACHE: ("CACHE_URL", "CACHE_NAME", "CACHE_AUTH"),
    Grant.DATABASE_READER: ("DATABASE_READER_URL", "DATABASE_AUTH"),
    Grant.DATABASE_WRITER: ("DATABASE_WRITER_URL", "DATABASE_AUTH"),
}


@dataclass(frozen=True)
class Function:
    """One Lambda function. The file is `functions/<name>.py`, the entry point `functions.<name>.handler`."""

    name: str
    side: Side
    trigger: Trigger
    purpose: str
    memory: int  # MB
    timeout: int  # seconds
    layers: tuple[str, ...] = ("core",)
    grants: tuple[Grant, ...] = ()
    settings: tuple[str, ...] = ()  # environment variables beyond those of the grants
    answering: bool = False  # on the path of a parent's answer: from a snapshot, where the settings want it
    every_message: bool = False  # each message passes it before its answer: kept warm in production
    school_api: SchoolApi | None = None  # where accounts are fetched the other way, it is not on that path

    @property
    def handler(self) -> str:
        return f"functions.{self.name}.handler"

    @property
    def sends(self) -> bool:
        """Whether an invocation may send a WhatsApp message: it has the token. All others are safe to repeat."""
        return Grant.ACCESS_TOKEN in self.grants

    def answers(self, school_api: SchoolApi) -> bool:
        """Whether it is on the path of an answer where accounts are fetched in that way."""
        return self.answering and self.school_api in (None, school_api)

    @property
    def environment(self) -> tuple[str, ...]:
        """Every environment variable the function needs, without repeats."""
        of_grants = [name for grant in self.grants for name in SETTINGS_OF_GRANT[grant]]
        return tuple(dict.fromkeys([*of_grants, *self.settings]))


FUNCTIONS: Final[tuple[Function, ...]] = (
    # --- the front door
    Function(
        name="webhook",
        side=Side.INTERNET,
        trigger=Trigger.HTTP,
        purpose="checks the signature, splits the body, enqueues each message, shows the typing indicator",
        memory=512,
        timeout=15,
        grants=(
            Grant.SEND_CONVERSATION,
            Grant.SEND_PAYMENTS,
            Grant.SEND_EVENTS,
            Grant.WRITE_INSPECTION,
            Grant.APP_SECRET,
            Grant.VERIFY_TOKEN,
            Grant.ACCESS_TOKEN,
        ),
        settings=("WHATSAPP_API_URL", "WHATSAPP_PHONE_NUMBER_ID"),
        answering=True,
        every_message=True,
    ),
    Function(
        name="payment_event",
        side=Side.INTERNET,
        trigger=Trigger.HTTP,
        purpose="receives payment notices of the school's system and enqueues them",
        memory=512,
        timeout=10,
        grants=(Grant.SEND_PAYMENTS, Grant.PAYMENT_SECRET),
    ),
    Function(
        name="verify_pass",
        side=Side.DATA,
        trigger=Trigger.HTTP,
        purpose="the page behind the QR code",
        memory=512,
        timeout=10,
        grants=(Grant.DATABASE_READER, Grant.DATABASE_WRITER),
    ),
    Function(
        name="school_graph",
        side=Side.INTERNET,
        trigger=Trigger.HTTP,
        purpose="the GraphQL gateway: students, fees, payments and statements as one graph",
        memory=1024,
        timeout=8,
        layers=("core", "graph"),
        grants=(Grant.SCHOOL_API_KEY,),
        settings=("SCHOOL_API_URL",),
        answering=True,
        school_api=SchoolApi.GRAPH,
    ),
    # --- the conversation
    Function(
        name="understand",
        side=Side.DATA,
        trigger=Trigger.CONVERSATION,
        purpose="claims the message and decides what it asks for, from everything we know already",
        memory=512,
        timeout=10,
        grants=(Grant.CACHE, Grant.DATABASE_READER, Grant.DATABASE_WRITER),
        settings=("SCHOOL_API_CALLS_PER_MINUTE",),
        answering=True,
        every_message=True,
    ),
    Function(
        name="fetch_fees",
        side=Side.INTERNET,
        trigger=Trigger.CONVERSATION,
        purpose="what the school has billed these students this term",
        memory=512,
        timeout=8,
        grants=(Grant.SCHOOL_API_KEY,),
        settings=("SCHOOL_API_URL",),
        answering=True,
        school_api=SchoolApi.REST,
    ),
    Function(
        name="fetch_payments",
        side=Side.INTERNET,
        trigger=Trigger.CONVERSATION,
        purpose="what has been paid for these students this term",
        memory=512,
        timeout=8,
        grants=(Grant.SCHOOL_API_KEY,),
        settings=("SCHOOL_API_URL",),
        answering=True,
        school_api=SchoolApi.REST,
    ),
    Function(
        name="fetch_account",
        side=Side.INTERNET,
        trigger=Trigger.CONVERSATION,
        purpose="fees and payments of these students in one call to the GraphQL gateway",
        memory=512,
        timeout=8,
        grants=(Grant.SCHOOL_GRAPH,),
        answering=True,
        school_api=SchoolApi.GRAPH,
    ),
    Function(
        name="ai_reply",
        side=Side.INTERNET,
        trigger=Trigger.CONVERSATION,
        purpose="answers a free question from the school's knowledge and the parent's own figures",
        memory=1024,
        timeout=25,
        layers=("core", "ai"),
        grants=(Grant.OPENAI_API_KEY,),
        settings=("OPENAI_API_URL", "OPENAI_MODEL"),
        answering=True,
    ),
    Function(
        name="transcribe",
        side=Side.INTERNET,
        trigger=Trigger.CONVERSATION,
        purpose="fetches a voice note from WhatsApp and has it put into words; keeps nothing",
        memory=1024,
        timeout=22,
        layers=("core", "ai"),
        grants=(Grant.READ_MEDIA, Grant.OPENAI_API_KEY),
        settings=("WHATSAPP_API_URL", "OPENAI_API_URL", "OPENAI_TRANSCRIPTION_MODEL"),
    ),
    Function(
        name="gate_pass",
        side=Side.DATA,
        trigger=Trigger.CONVERSATION,
        purpose="applies the gate-pass rules, records the pass, draws the PDF and stores it",
        memory=1024,
        timeout=15,
        layers=("core", "pdf"),
        grants=(Grant.DATABASE_WRITER, Grant.WRITE_PASSES),
        settings=("PUBLIC_URL",),
        answering=True,
    ),
    Function(
        name="send_reply",
        side=Side.INTERNET,
        trigger=Trigger.CONVERSATION,
        purpose="composes the reply to the person who wrote, and sends it",
        memory=512,
        timeout=15,
        layers=("core", "pdf"),  # pdf: a statement too long for one message
        grants=(Grant.ACCESS_TOKEN, Grant.READ_PASSES),
        settings=("WHATSAPP_API_URL", "WHATSAPP_PHONE_NUMBER_ID"),
        answering=True,
        every_message=True,
    ),
    Function(
        name="record_conversation",
        side=Side.DATA,
        trigger=Trigger.CONVERSATION,
        purpose="after the reply: cache, message log and contact; marks the message done",
        memory=512,
        timeout=10,
        grants=(Grant.CACHE, Grant.DATABASE_WRITER),
        answering=True,
    ),
    Function(
        name="find_student",
        side=Side.INTERNET,
        trigger=Trigger.CONVERSATION,
        purpose="looks up students by id at the school, for a parent whose number we do not know yet",
        memory=512,
        timeout=8,
        grants=(Grant.SCHOOL_API_KEY,),
        settings=("SCHOOL_API_URL",),
    ),
    Function(
        name="save_found_student",
        side=Side.DATA,
        trigger=Trigger.CONVERSATION,
        purpose="saves the students that a look-up has found",
        memory=512,
        timeout=10,
        grants=(Grant.CACHE, Grant.DATABASE_WRITER),
    ),
    Function(
        name="record_consent",
        side=Side.DATA,
        trigger=Trigger.CONVERSATION,
        purpose="writes STOP or START down, before it is confirmed",
        memory=512,
        timeout=10,
        grants=(Grant.CACHE, Grant.DATABASE_WRITER),
    ),
    Function(
        name="open_office_request",
        side=Side.DATA,
        trigger=Trigger.CONVERSATION,
        purpose="opens a request of a parent who asks for a person",
        memory=512,
        timeout=10,
        grants=(Grant.DATABASE_WRITER,),
    ),
    Function(
        name="staff_command",
        side=Side.DATA,
        trigger=Trigger.CONVERSATION,
        purpose="carries out a command of the school's staff",
        memory=512,
        timeout=10,
        grants=(Grant.CACHE, Grant.DATABASE_WRITER),
    ),
    Function(
        name="write_to_parent",
        side=Side.INTERNET,
        trigger=Trigger.CONVERSATION,
        purpose="tells a parent what staff wrote or did",
        memory=512,
        timeout=15,
        grants=(Grant.ACCESS_TOKEN,),
        settings=("WHATSAPP_API_URL", "WHATSAPP_PHONE_NUMBER_ID"),
    ),
    Function(
        name="notify_office",
        side=Side.INTERNET,
        trigger=Trigger.CONVERSATION,
        purpose="tells the office about a request",
        memory=512,
        timeout=22,
        grants=(Grant.ACCESS_TOKEN,),
        settings=("WHATSAPP_API_URL", "WHATSAPP_PHONE_NUMBER_ID"),
    ),
    Function(
        name="release_claim",
        side=Side.DATA,
        trigger=Trigger.CONVERSATION,
        purpose="releases the claim of a failed run; for payments too",
        memory=512,
        timeout=10,
        grants=(Grant.CACHE, Grant.DATABASE_WRITER),
    ),
    # --- payments
    Function(
        name="prepare_receipts",
        side=Side.DATA,
        trigger=Trigger.PAYMENT,
        purpose="claims a payment notice, drops the cached account, finds out who gets a receipt",
        memory=512,
        timeout=10,
        grants=(Grant.CACHE, Grant.DATABASE_WRITER),
        settings=("SCHOOL_API_CALLS_PER_MINUTE",),
    ),
    Function(
        name="prepare_expired_receipt",
        side=Side.DATA,
        trigger=Trigger.PAYMENT,
        purpose="prepares a receipt that was not delivered within 24 hours to be sent as a template",
        memory=512,
        timeout=10,
        grants=(Grant.CACHE, Grant.DATABASE_WRITER),
        settings=("SCHOOL_API_CALLS_PER_MINUTE",),
    ),
    Function(
        name="send_receipt",
        side=Side.INTERNET,
        trigger=Trigger.PAYMENT,
        purpose="sends one receipt to one guardian",
        memory=512,
        timeout=15,
        grants=(Grant.ACCESS_TOKEN,),
        settings=("WHATSAPP_API_URL", "WHATSAPP_PHONE_NUMBER_ID"),
    ),
    Function(
        name="record_receipt",
        side=Side.DATA,
        trigger=Trigger.PAYMENT,
        purpose="records a receipt that was sent",
        memory=512,
        timeout=10,
        grants=(Grant.CACHE, Grant.DATABASE_WRITER),
    ),
    Function(
        name="record_payment",
        side=Side.DATA,
        trigger=Trigger.PAYMENT,
        purpose="records a payment notice as done and caches the new figures",
        memory=512,
        timeout=10,
        grants=(Grant.CACHE, Grant.DATABASE_WRITER),
    ),
    # --- what WhatsApp tells us besides messages
    Function(
        name="record_delivery",
        side=Side.DATA,
        trigger=Trigger.QUEUE,
        purpose="records delivery statuses, reactions and notices",
        memory=512,
        timeout=20,
        grants=(Grant.CACHE, Grant.DATABASE_WRITER),
    ),
    # --- the nightly student sync
    Function(
        name="fetch_student_page",
        side=Side.INTERNET,
        trigger=Trigger.STUDENT_SYNC,
        purpose="one page of the school's students",
        memory=512,
        timeout=30,
        grants=(Grant.SCHOOL_API_KEY,),
        settings=("SCHOOL_API_URL", "STUDENTS_PER_PAGE"),
    ),
    Function(
        name="save_student_page",
        side=Side.DATA,
        trigger=Trigger.STUDENT_SYNC,
        purpose="saves students and numbers, and the records that cannot be used",
        memory=512,
        timeout=30,
        grants=(Grant.CACHE, Grant.DATABASE_WRITER),
    ),
    Function(
        name="finish_student_sync",
        side=Side.DATA,
        trigger=Trigger.STUDENT_SYNC,
        purpose="deactivates the students who have left",
        memory=512,
        timeout=30,
        grants=(Grant.CACHE, Grant.DATABASE_WRITER),
    ),
    # --- the nightly purge
    Function(
        name="purge_records",
        side=Side.DATA,
        trigger=Trigger.PURGE,
        purpose="deletes what the database no longer needs to keep",
        memory=512,
        timeout=30,
        grants=(Grant.DATABASE_WRITER,),
    ),
    # --- deployment
    Function(
        name="migrate",
        side=Side.DATA,
        trigger=Trigger.DEPLOY,
        purpose="brings the database schema up to date at deploy",
        memory=512,
        timeout=120,
        grants=(Grant.DATABASE_WRITER,),
    ),
)

# Given to every function by the CDK app and the local stack alike.
COMMON_SETTINGS: Final[tuple[str, ...]] = (
    "ENVIRONMENT",
    "LOG_KEY",
    "LOG_LEVEL",
    "POWERTOOLS_SERVICE_NAME",
    "POWERTOOLS_METRICS_NAMESPACE",
)


@dataclass(frozen=True)
class Route:
    """One route of the HTTP API (payload format 2.0)."""

    method: str
    path: str
    function: str
    authorization: Authorization = Authorization.NONE


ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", "/webhook", "webhook"),
    Route("POST", "/webhook", "webhook"),
    Route("GET", "/passes/{token}", "verify_pass"),
    Route("POST", "/events/payment", "payment_event"),
    Route("POST", "/graphql", "school_graph", Authorization.IAM),
)


@dataclass(frozen=True)
class Machine:
    """One state machine. The definition is `statemachines/<name>.asl.json`.

    With a `queue`, a pipe starts one Express execution for each message of that FIFO queue and waits for it; without
    one it is a Standard machine that a schedule or a person starts. Functions find the queue's URL in the environment
    variable `queue_url_setting`, definitions by the placeholder `${<Name>QueueUrl}`.
    """

    name: str
    purpose: str
    seconds: int  # TimeoutSeconds of the definition
    queue: str | None = None  # name of its FIFO queue; the dead letters go to `<queue>-dead`
    daily_at_hour: int | None = None  # a schedule starts it every day at this hour, by the school's clock
    needs_school: bool = False  # the schedule waits until the school's API has an address

    @property
    def queue_url_setting(self) -> str:
        return f"{self.name.upper()}_QUEUE_URL"

    @property
    def visibility_seconds(self) -> int:
        """How long the queue hides a message that an execution has; see docs/decisions/0046."""
        return 2 * self.seconds


MACHINES: Final[tuple[Machine, ...]] = (
    Machine("conversation", "answers one WhatsApp message", seconds=90, queue="messages"),
    Machine("payment", "processes one payment notice of the school", seconds=90, queue="payments"),
    Machine(
        "student_sync",
        "brings students and numbers from the school into our records",
        seconds=14_400,
        daily_at_hour=1,
        needs_school=True,
    ),
    Machine(
        "purge",
        "deletes from the database what it no longer needs to keep",
        seconds=3600,
        daily_at_hour=2,
    ),
)


def machine(name: str) -> Machine:
    """The state machine of that name; KeyError names the ones that exist."""
    for item in MACHINES:
        if item.name == name:
            return item
    raise KeyError(f"no state machine {name!r} in the catalog; there are: {', '.join(m.name for m in MACHINES)}")


# Deliveries of a message or notice before it is a dead letter. The definitions compare with it at the last one.
MESSAGE_RECEIVES: Final = 5
EVENT_RECEIVES: Final = 10  # the same for delivery statuses and notices
QUEUE_VISIBILITY_SECONDS: Final = machine("conversation").visibility_seconds


def function(name: str) -> Function:
    """The function of that name; KeyError names the ones that exist."""
    for item in FUNCTIONS:
        if item.name == name:
            return item
    raise KeyError(f"no function {name!r} in the catalog; there are: {', '.join(f.name for f in FUNCTIONS)}")
