"""Requests to the office have a kind and may be urgent; a person may answer in the WhatsApp Business app."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for column in (
        sa.Column("kind", sa.String(32), nullable=False, server_default="question"),
        sa.Column("urgent", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
    ):
        op.add_column("office_requests", column)


def downgrade() -> None:
    for name in ("answered_at", "urgent", "kind"):
        op.drop_column("office_requests", name)
