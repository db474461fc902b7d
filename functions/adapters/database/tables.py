"""The tables, in SQLAlchemy Core: the ORM would add 65 ms to each cold start.

Each table names the functions that write it.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _moment(name: str, **options: object) -> Column[object]:
    return Column(name, DateTime(timezone=True), **options)  # type: ignore[arg-type]


# Written by `save_student_page` and `save_found_student`.
students = Table(
    "students",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("first_name", Text, nullable=False, server_default=""),
    Column("last_name", Text, nullable=False, server_default=""),
    Column("grade", Text, nullable=False, server_default=""),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    _moment("updated_at", nullable=False, server_default=func.now()),  # when something about it changed
    _moment("seen_at", nullable=False, server_default=func.now()),  # when the school last had it
)

# Written by `save_student_page` and `save_found_student`: which numbers may see which student.
phones = Table(
    "phones",
    metadata,
    Column("student_id", ForeignKey("students.id", ondelete="CASCADE"), primary_key=True),
    Column("phone", String(16), primary_key=True),  # E.164
    Column("kind", String(16), primary_key=True),  # guardian | student
    CheckConstraint("kind IN ('guardian', 'student')", name="kind"),
    Index(None, "phone"),
)

# Written by `save_student_page`: what a clerk has to put right at the school. A record leaves when it is good, or gone.
unusable_records = Table(
    "unusable_records",
    metadata,
    Column("place", Text, primary_key=True),  # student id, or "page 3, record 17" where there is none
    Column("name", Text, nullable=False, server_default=""),
    Column("phone", Text, nullable=False, server_default=""),  # as it is written there
    Column("problem", Text, nullable=False),
    Column("fix", Text, nullable=False),
    _moment("first_seen", nullable=False, server_default=func.now()),
    _moment("last_seen", nullable=False, server_default=func.now()),
)

# Written by `record_conversation`, `record_consent` and `record_delivery`: everyone who has written to us. Either key
# may be missing, never both.
contacts = Table(
    "contacts",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("phone", String(16), unique=True),
    Column("bsuid", String(140), unique=True),
    Column("profile_name", Text),
    _moment("last_message_at"),
    _moment("opted_out_at"),  # when STOP was written; null: they may be written to
    _moment("consent_at"),  # when the latest STOP or START was written
    CheckConstraint("phone IS NOT NULL OR bsuid IS NOT NULL", name="reachable"),
)

# Written by `gate_pass`; `staff_command` revokes; `record_conversation` adds the media id. At most one valid pass per
# child and term.
gate_passes = Table(
    "gate_passes",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("number", String(32), nullable=False, unique=True),
    Column("token", String(64), nullable=False, unique=True),
    Column("student_id", ForeignKey("students.id"), nullable=False),
    Column("term", String(8), nullable=False),
    Column("tier", String(32), nullable=False),
    Column("percent_paid", Integer, nullable=False),
    Column("issued_on", Date, nullable=False),
    Column("valid_until", Date, nullable=False),
    Column("status", String(16), nullable=False, server_default="valid"),  # valid | expired | replaced | revoked
    Column("blocks_new", Boolean, nullable=False, server_default=text("false")),  # revoked, and no new one this term
    Column("issued_to", String(16)),  # E.164
    Column("media_id", Text),  # WhatsApp's id of the uploaded PDF …
    _moment("media_uploaded_at"),  # … good for 30 days
    _moment("created_at", nullable=False, server_default=func.now()),
    CheckConstraint("status IN ('valid', 'expired', 'replaced', 'revoked')", name="status"),
    Index("uq_gate_passes_one_valid", "student_id", "term", unique=True, postgresql_where=text("status = 'valid'")),
)

# Written by `gate_pass`: the weekly limit counts these. One row per message, however often it is delivered.
pass_requests = Table(
    "pass_requests",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("student_id", ForeignKey("students.id"), nullable=False),
    Column("week", Date, nullable=False),  # its Monday
    Column("number_in_week", SmallInteger, nullable=False),
    _moment("requested_at", nullable=False, server_default=func.now()),
    UniqueConstraint("student_id", "week", "number_in_week"),
)

# Written by `verify_pass`.
pass_looks = Table(
    "pass_looks",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("pass_id", ForeignKey("gate_passes.id")),  # null: an unknown token
    Column("result", String(16), nullable=False),
    _moment("looked_at", nullable=False, server_default=func.now()),
    Index(None, "pass_id"),
)

# Written by `record_conversation`, `record_receipt` and `record_payment` (the answer) and by `record_delivery` (what
# became of it). No texts.
message_log = Table(
    "message_log",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("sender", String(140)),
    Column("type", String(32)),
    Column("intent", String(32)),
    Column("outcome", String(32)),  # answered | apologised | undeliverable | incomplete
    _moment("received_at"),
    _moment("answered_at"),
    Column("reply_id", Text, unique=True),
    Column("reply_messages", SmallInteger),
    Column("delivery", String(16)),  # sent | delivered | read | played | failed
    _moment("delivery_at"),
    Column("delivery_error", Integer),
    Column("category", String(32)),
    Column("billable", Boolean),
    Index(None, "sender", "received_at"),
)

# Written by `open_office_request` and `staff_command`: parents who asked for a person. While one is open the
# assistant keeps quiet, for 12 hours at most.
# `record_conversation` notes that the office was notified, `record_delivery` that the notification failed, or that a
# person has answered in the WhatsApp Business app.
office_requests = Table(
    "office_requests",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("message_id", Text, nullable=False, unique=True),
    Column("sender", String(140), nullable=False),
    Column("phone", String(16)),  # E.164
    Column("words", Text, nullable=False),
    Column("kind", String(32), nullable=False, server_default="question"),  # question | conversation | proof:<student>
    Column("urgent", Boolean, nullable=False, server_default=text("false")),
    _moment("opened_at", nullable=False, server_default=func.now()),
    _moment("answered_at"),  # when a person last wrote to the parent: the 12 hours count from here
    _moment("closed_at"),
    _moment("told_at"),  # the office was notified
    _moment("failed_at"),  # WhatsApp could not deliver the notification
    Column("notice_id", Text),  # wamid of the notification: the office may quote it to close
    Column("closed_by", Text),  # the message that closed it
    Index(None, "sender", "opened_at"),
)

# Written by `staff_command`; `record_conversation` and `release_claim` note that the parent was told.
staff_actions = Table(
    "staff_actions",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("staff", String(64), nullable=False),  # digest of the number, made with `digest_key`
    Column("command", String(16), nullable=False),
    Column("about", Text),  # number of a request or of a pass, or a student id
    Column("reason", Text),  # of a revocation
    Column("delivered", String(16)),  # message | template: how the parent was told
    _moment("done_at", nullable=False, server_default=func.now()),
)

# Written by `staff_command` on first use: one row.
digest_key = Table(
    "digest_key",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("key", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="one"),
)

# Written by `record_delivery` (reactions) and `record_conversation` (buttons).
feedback = Table(
    "feedback",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("event_id", Text, nullable=False, unique=True),  # the message that carried it
    Column("about", Text, nullable=False),  # our message
    Column("sender", String(140), nullable=False),
    Column("verdict", String(8)),  # up | down | null: taken back or another emoji
    Column("emoji", Text),
    _moment("given_at", nullable=False, server_default=func.now()),
    Index(None, "about"),
)

# Written by `record_delivery`: everything else WhatsApp told us.
notices = Table(
    "notices",
    metadata,
    Column("id", String(64), primary_key=True),  # digest of the content, so that a repetition is one row
    Column("kind", String(64), nullable=False),
    Column("content", JSONB, nullable=False),
    _moment("received_at", nullable=False, server_default=func.now()),
    Index(None, "kind", "received_at"),
)

__all__ = [
    "contacts",
    "digest_key",
    "feedback",
    "gate_passes",
    "message_log",
    "metadata",
    "notices",
    "office_requests",
    "pass_looks",
    "pass_requests",
    "phones",
    "staff_actions",
    "students",
    "unusable_records",
]
