"""secrets of targets"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.add_column("targets", sa.Column("user", sa.String(), nullable=True))
    op.add_column("targets", sa.Column("secret", sa.String(), nullable=True))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.drop_column("targets", "secret")
    op.drop_column("targets", "user")
