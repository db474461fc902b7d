"""What became of a request to the office: whether the office knows of it, and which message closed it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("office_requests", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("office_requests", sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("office_requests", sa.Column("notice_id", sa.Text(), nullable=True))
    op.add_column("office_requests", sa.Column("closed_by", sa.Text(), nullable=True))
    op.execute("UPDATE office_requests SET told_at = opened_at")  # until now nobody knew better


def downgrade() -> None:
    for name in ("closed_by", "notice_id", "failed_at", "told_at"):
        op.drop_column("office_requests", name)
