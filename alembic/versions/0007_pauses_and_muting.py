"""targets are paused by a person, an installation is muted as a whole"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.add_column("targets", sa.Column("paused_why", sa.String(), nullable=True))
    op.add_column("targets", sa.Column("paused_by", sa.String(), nullable=True))
    op.add_column("targets", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "muting",
        sa.Column("only", sa.Boolean(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("only", name=op.f("pk_muting")),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.drop_table("muting")
    op.drop_column("targets", "paused_at")
    op.drop_column("targets", "paused_by")
    op.drop_column("targets", "paused_why")
