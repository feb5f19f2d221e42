"""what was given up: failed messages are settled, rows set aside have ids"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.add_column(
        "alerts_set_aside",
        sa.Column("id", sa.Uuid(), nullable=False, server_default=sa.text("gen_random_uuid()")),
    )
    op.create_unique_constraint(op.f("uq_alerts_set_aside_id"), "alerts_set_aside", ["id"])
    op.add_column(
        "notifications", sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True)
    )
    # what failed before anybody could say so is not a reason to look now
    op.execute("UPDATE notifications SET settled_at = created_at WHERE status = 'failed'")
    op.drop_index("ix_notifications_failed", table_name="notifications")
    op.create_index(
        "ix_notifications_failed",
        "notifications",
        ["seq"],
        postgresql_where=sa.text("status = 'failed' AND settled_at IS NULL"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.drop_index("ix_notifications_failed", table_name="notifications")
    op.create_index(
        "ix_notifications_failed",
        "notifications",
        ["seq"],
        postgresql_where=sa.text("status = 'failed'"),
    )
    op.drop_column("notifications", "settled_at")
    op.drop_constraint(op.f("uq_alerts_set_aside_id"), "alerts_set_aside", type_="unique")
    op.drop_column("alerts_set_aside", "id")
