"""A revoked gate pass holds back a new one of the same term, until staff allow it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("gate_passes", sa.Column("blocks_new", sa.Boolean(), nullable=False, server_default=sa.text("false")))


def downgrade() -> None:
    op.drop_column("gate_passes", "blocks_new")
