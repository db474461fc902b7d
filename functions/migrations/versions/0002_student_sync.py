"""What the student sync needs: when the school last had a student, and the records that cannot be used."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    now = sa.text("now()")
    op.add_column("students", sa.Column("seen_at", sa.DateTime(timezone=True), server_default=now, nullable=False))
    op.create_table(
        "unusable_records",
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("phone", sa.Text(), server_default="", nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("fix", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_unusable_records")),
    )


def downgrade() -> None:
    op.drop_table("unusable_records")
    op.drop_column("students", "seen_at")
