"""rollups: samples in steps of 5 minutes and 1 hour; the days that are to be rolled up"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = ("rollups_5m", "rollups_1h")
PARTS = ("firsts", "lasts", "counts", "sums", "lows", "highs", "lost")
KNOWN = """
INSERT INTO rollup_days (day, touched, made, touched_at)
SELECT DISTINCT day - back, 1, 0, TIMESTAMPTZ '1970-01-01 00:00:00+00'
FROM (
    SELECT substring(c.relname FROM '^chunks_([0-9]+)$')::bigint FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'chunks'::regclass AND c.relname ~ '^chunks_[0-9]+$'
    UNION SELECT start_at / 86400000 FROM chunks_rest
) AS stored(day), (VALUES (0), (1)) AS midnight(back)
"""
"""A sample of midnight belongs to the day that it ends."""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    for table in TABLES:
        op.create_table(
            table,
            sa.Column("series", sa.BigInteger(), nullable=False),
            sa.Column("day", sa.BigInteger(), nullable=False),
            *(sa.Column(part, sa.LargeBinary(), nullable=True) for part in PARTS),
            sa.PrimaryKeyConstraint("series", "day", name=op.f(f"pk_{table}")),
            postgresql_partition_by="RANGE (day)",
        )
        op.execute(f"CREATE TABLE {table}_rest PARTITION OF {table} DEFAULT")
    op.create_table(
        "rollup_days",
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("touched", sa.BigInteger(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_rollup_days")),
    )
    op.create_table(
        "kept_since",
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("what", name=op.f("pk_kept_since")),
    )
    op.execute(KNOWN)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    for table in ("kept_since", "rollup_days", *TABLES):
        op.drop_table(table)
