"""groups of Prometheus's rule files, and what their rules say of an alert"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    json = postgresql.JSONB(astext_type=sa.Text())
    op.create_table(
        "rule_groups",
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("spec", json, nullable=False),
        sa.Column("lines", json, nullable=False),
        sa.Column("clients", json, nullable=True),
        sa.Column("severities", json, nullable=False),
        sa.Column("origin", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("file", "name", name=op.f("pk_rule_groups")),
    )
    op.add_column("alerts", sa.Column("annotations", json, server_default="{}", nullable=False))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.drop_column("alerts", "annotations")
    op.drop_table("rule_groups")
