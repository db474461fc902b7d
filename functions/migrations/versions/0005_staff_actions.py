"""What staff had done by their commands; and the key of the digests that say who."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "staff_actions",
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("staff", sa.String(64), nullable=False),
        sa.Column("command", sa.String(16), nullable=False),
        sa.Column("about", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("delivered", sa.String(16), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_staff_actions")),
    )
    op.create_table(
        "digest_key",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_digest_key_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digest_key")),
    )


def downgrade() -> None:
    op.drop_table("digest_key")
    op.drop_table("staff_actions")
