"""what jobs push and leave behind: groups of metrics"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.create_table(
        "pushed_groups",
        sa.Column("key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("labels", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("families", sa.LargeBinary(), nullable=False),
        sa.Column("pushed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_pushed_groups")),
    )
    op.create_index(op.f("ix_pushed_groups_sender"), "pushed_groups", ["sender"], unique=False)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.drop_index(op.f("ix_pushed_groups_sender"), table_name="pushed_groups")
    op.drop_table("pushed_groups")
